"""Starts Thrice: `python app.py`, as Hugging Face Spaces does; see `ptrapp.__main__`."""

from ptrapp.__main__ import program

if __name__ == "__main__":
    program()
