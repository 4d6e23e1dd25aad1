"""The pages: the only Gradio outside ptrapp/app.py."""
