"""The parts of PTR's data (arXiv 2410.13413): queries, attempts, final answers."""
