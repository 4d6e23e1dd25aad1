"""FastAPI routes and the protections around them."""
