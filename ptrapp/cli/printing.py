"""Prints the result of a command as one JSON object a line."""

import json
from typing import Any

import typer


def print_json(row: dict[str, Any]) -> None:
    typer.echo(json.dumps(row, ensure_ascii=False, default=str))
