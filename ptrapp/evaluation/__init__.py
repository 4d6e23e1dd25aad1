"""What versions answer round by round, beside the base model and beside controls."""
