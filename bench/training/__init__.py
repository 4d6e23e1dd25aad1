"""Benchmarks of the trainer against TRL: `python -m bench.training`."""
