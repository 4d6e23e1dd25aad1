"""The recipes of jobs; each reads from top to bottom."""
