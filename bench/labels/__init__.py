"""Benchmarks of labelling over HTTP: `python -m bench.labels`."""
