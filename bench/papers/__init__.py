"""Both papers' experiments in small, through the product's own jobs: `python -m bench.papers`."""
