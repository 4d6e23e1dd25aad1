"""Measures what the pages weigh, when they are there, and whether axe finds anything on them."""
