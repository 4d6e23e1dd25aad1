"""The command line: the same rows and jobs as the pages, without a model in its process."""
