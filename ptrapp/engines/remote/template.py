"""Renders the chat template of the served model's folder, as the server and training do."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from jinja2 import TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


class FolderTemplate:
    """A chat template without its tokenizer: it renders text, and no ids."""

    def __init__(self, source: str, special: dict[str, str]) -> None:
        """Compiles the template. Raises `TemplateError`."""
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
        )
        environment.filters["tojson"] = lambda value, **_: json.dumps(value, ensure_ascii=False)
        environment.globals["raise_exception"] = _refuse
        environment.globals["strftime_now"] = lambda form: datetime.now(UTC).strftime(form)
        self._template = environment.from_string(source)
        self._special = special

    def apply_chat_template(self, conversation: Sequence[dict[str, str]], **options: Any) -> str:
        """Returns the rendered text. Raises `TemplateError` for messages that are refused."""
        options.pop("tokenize", None)
        return self._template.render(messages=list(conversation), **self._special, **options)


def read_template(folder: Path) -> FolderTemplate | None:
    """Returns the template of a model folder, None where there is none that can be read."""
    config: dict[str, Any] = {}
    try:
        if (file := folder / "tokenizer_config.json").is_file():
            config = json.loads(file.read_text(encoding="utf-8"))
        file = folder / "chat_template.jinja"
        source = file.read_text(encoding="utf-8") if file.is_file() else config["chat_template"]
        return FolderTemplate(source, _special_tokens(config))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, TemplateError):
        return None


def _special_tokens(config: dict[str, Any]) -> dict[str, str]:
    """Returns the texts of the special tokens, which a template may write by name."""
    found = {}
    for name in ("bos_token", "eos_token", "unk_token", "pad_token"):
        value = config.get(name)
        text = value.get("content") if isinstance(value, dict) else value
        found[name] = text or ""
    return found


def _refuse(reason: str) -> NoReturn:
    raise TemplateError(reason)
