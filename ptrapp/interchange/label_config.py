"""Reads a Label Studio labelling configuration: which controls compare, and what they may answer.

https://labelstud.io/tags/pairwise, https://labelstud.io/tags/choices
"""

import re
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any

_CONTROL = re.compile(r"<(Pairwise|Choices)\b([^>]*?)(?:/>|>(.*?)</\1>)", re.DOTALL)
_CHOICE = re.compile(r"<Choice\b([^>]*?)/?>", re.DOTALL)
_ATTRIBUTE = re.compile(r"""([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")


def config_of(task: Mapping[str, Any]) -> str:
    """Returns the configuration that a task carries, itself or in its project, "" without one."""
    project = task.get("project")
    found = task.get("label_config") or (
        isinstance(project, Mapping) and project.get("label_config")
    )
    return found if isinstance(found, str) else ""


def pairwise_controls(config: str) -> Iterator[str]:
    """Yields the names of the controls that compare two texts."""
    for tag, attributes, _ in _CONTROL.findall(config):
        if tag == "Pairwise" and (name := _attributes(attributes).get("name")):
            yield name


def choices(config: str) -> Iterator[tuple[str, list[str]]]:
    """Yields each control of choices with its answers, as exports write them: aliases first."""
    for tag, attributes, inside in _CONTROL.findall(config):
        if tag == "Choices" and (name := _attributes(attributes).get("name")):
            options = (_attributes(one) for one in _CHOICE.findall(inside))
            yield name, [one.get("alias") or one.get("value", "") for one in options]


def _attributes(text: str) -> dict[str, str]:
    return {name: unescape(one or other) for name, one, other in _ATTRIBUTE.findall(text)}
