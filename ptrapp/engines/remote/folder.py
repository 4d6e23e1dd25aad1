"""Reads thought format and tokenizer from the served model's folder, without loading the model."""

import json
from collections.abc import Callable
from pathlib import Path

from tokenizers import Tokenizer

from ptrapp.core.thoughts import FORMATS, GENERIC, THINK, TINY, ThoughtFormat


def choose_format(name: str, model_path: str, reasons: bool) -> ThoughtFormat:
    """Returns the named thought format; `auto` finds it by the folder or the server's answers."""
    if name != "auto":
        return FORMATS[name]
    vocabulary = _read(Path(model_path) / "tokenizer.json")
    if all(
        json.dumps(marker) in vocabulary for marker in (TINY.thought_marker, TINY.response_marker)
    ):
        return TINY
    template = _read(Path(model_path) / "chat_template.jinja")
    template += _read(Path(model_path) / "tokenizer_config.json")
    return THINK if reasons or THINK.thought_marker in template else GENERIC


def text_counter(model_path: str) -> Callable[[str], int] | None:
    """Returns a function that counts a text's tokens, None without a tokenizer in the folder."""
    file = Path(model_path) / "tokenizer.json"
    if not file.is_file():
        return None
    tokenizer = Tokenizer.from_file(str(file))
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.is_file() else ""
