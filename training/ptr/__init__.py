"""PTR's data (arXiv 2410.13413, section 1.1 of the method): queries, attempts, final answers."""
