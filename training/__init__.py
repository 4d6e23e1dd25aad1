"""Training: everything that runs in the worker and in its jobs, from stored votes to a version."""
