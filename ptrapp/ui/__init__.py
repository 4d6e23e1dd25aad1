"""The pages: the only Gradio outside app.py."""
