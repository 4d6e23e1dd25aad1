"""A copy of the data folder in a private data set repository, for a disk that is wiped."""
