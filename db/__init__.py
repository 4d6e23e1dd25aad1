"""Rows: the queue, the votes, the rounds, the registry of adapters. Imports nothing else of ours."""
