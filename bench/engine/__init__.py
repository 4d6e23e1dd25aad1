"""Benchmarks of the embedded engine: `python -m bench.engine`."""
