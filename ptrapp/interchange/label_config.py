"""Reads a Label Studio labelling configuration: which controls compare, what they may answer, and
which field of the data each object shows.

https://labelstud.io/tags/pairwise, https://labelstud.io/tags/choices
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from html import unescape
from typing import Any

_CONTROL = re.compile(r"<(Pairwise|Choices)\b([^>]*?)(?:/>|>(.*?)</\1>)", re.DOTALL)
_CHOICE = re.compile(r"<Choice\b([^>]*?)/?>", re.DOTALL)
_ATTRIBUTE = re.compile(r"""([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_TAG = re.compile(r"""<\w+((?:\s+[\w:-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*/?>""")
_FIELD = re.compile(r"\$([^\s$<>&]+)")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


def config_of(task: Mapping[str, Any]) -> str:
    """Returns the configuration that a task carries, itself or in its project, "" without one."""
    project = task.get("project")
    found = task.get("label_config") or (
        isinstance(project, Mapping) and project.get("label_config")
    )
    return _COMMENT.sub("", found) if isinstance(found, str) else ""


@lru_cache(maxsize=64)
def fields(config: str) -> Mapping[str, str]:
    """Returns the field that each object shows; it is asked for each annotation, so it is kept.

    >>> fields('<Text name="txt1" value="$gpt"/><TextArea name="why" toName="txt1" value="$note"/>')
    {'txt1': 'gpt'}
    """
    tags = (_attributes(attributes) for attributes in _TAG.findall(config))
    return {
        one["name"]: shown[0]
        for one in tags
        if one.get("name")
        and "toName" not in one
        and len(shown := _FIELD.findall(one.get("value", ""))) == 1
    }


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
