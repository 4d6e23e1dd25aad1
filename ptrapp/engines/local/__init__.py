"""The embedded engine: one thread that owns the model and decodes batches of requests."""
