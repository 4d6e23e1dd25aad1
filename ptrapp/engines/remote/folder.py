"""Reads thought format and tokenizer from the served model's folder, without loading the model."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tokenizers import Tokenizer

from ptrapp.core.templates import find_format
from ptrapp.core.thoughts import FORMATS, GENERIC, THINK, ThoughtFormat
from ptrapp.engines.remote.template import read_template


def choose_format(name: str, model_path: str, reasons: bool) -> ThoughtFormat:
    """Returns the named thought format; `auto` finds it by the folder or the server's answers.

    The folder's chat template is rendered, as training renders it. Without one, a server that sends
    thoughts in a field of their own (`reasons`) has a model that thinks.
    """
    template = read_template(Path(model_path))
    found = find_format(template) if template else GENERIC
    if found is GENERIC and reasons:
        found = replace(THINK, model_opens=True, followed=True)
    return found if name in ("auto", found.name) else FORMATS[name]


def text_counter(model_path: str) -> Callable[[str], int] | None:
    """Returns a function that counts a text's tokens, None without a tokenizer in the folder."""
    file = Path(model_path) / "tokenizer.json"
    if not file.is_file():
        return None
    tokenizer = Tokenizer.from_file(str(file))
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)
