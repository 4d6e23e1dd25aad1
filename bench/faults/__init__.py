"""Kills every program of ours at random moments: `python -m bench.faults`."""
