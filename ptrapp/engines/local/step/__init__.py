"""A decode step of our own for models of the plain Llama layout, and the model's own for others."""
