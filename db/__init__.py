"""Rows: queue, votes, rounds, the registry of adapters. Imports nothing else of ours."""
