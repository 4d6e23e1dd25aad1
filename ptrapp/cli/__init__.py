"""What the pages do, from a terminal: the same rows, the same jobs, no model in this process."""
