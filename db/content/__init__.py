"""Queries on stored texts: prompts, runs, rounds, their scores, and the samples of jobs."""
