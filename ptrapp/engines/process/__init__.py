"""The embedded engine in a process of its own: the pages never wait for the model's work."""
