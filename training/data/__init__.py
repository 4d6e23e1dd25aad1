"""Training data: stored rows to examples, examples to token ids, token ids to micro-batches."""
