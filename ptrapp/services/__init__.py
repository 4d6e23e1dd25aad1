"""Use cases: what a person or a script can do, without Gradio and without torch."""
