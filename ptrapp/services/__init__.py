"""Use cases: what a person or a script can do, free of Gradio and torch."""
