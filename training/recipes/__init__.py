"""What a job can do with the data: each recipe is a narrative, read from top to bottom."""
