"""Versions and frozen data in a store that machines share, named by the hash of their content."""
