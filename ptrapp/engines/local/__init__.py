"""The embedded engine: a model thread that decodes batches of requests."""
