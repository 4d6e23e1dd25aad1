"""Queries on jobs, workers, adapters and evaluations."""
