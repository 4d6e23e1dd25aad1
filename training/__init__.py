"""Data to adapter: everything that runs in the worker and in its jobs."""
