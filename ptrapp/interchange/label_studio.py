"""Parses Label Studio's exports of two compared texts: JSON (a task with annotations), JSON_MIN.

It reads `<Pairwise>` (`{"selected": "left"}`) and `<Choices>` over two texts, each person's
annotation as a label; cancelled ones are left out. https://labelstud.io/guide/export
"""

import json
from collections.abc import Mapping
from typing import Any

from ptrapp.core.errors import BadRow
from ptrapp.interchange.preferences import prompt_from
from ptrapp.interchange.records import GivenLabel, JudgedPair
from ptrapp.interchange.sides import Sides, preference_from, prompt_field, two_sides
from ptrapp.interchange.thoughts import completion
from ptrapp.interchange.values import any_text, names, user_name

_ABOUT = frozenset(
    {"id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement"}
)
"""Columns that JSON_MIN adds to those of the task."""


def parse(row: Mapping[str, Any]) -> tuple[JudgedPair, ...]:
    """Parses one task with all its annotations. Raises `BadRow`."""
    data = row.get("data")
    if not isinstance(data, Mapping):
        raise BadRow(f"no 'data' (it has {names(row)})")
    annotations = row.get("annotations", row.get("completions", []))
    if not isinstance(annotations, list):
        raise BadRow("'annotations' is no list")
    pair, sides = _pair(data)
    labels = []
    for annotation in annotations:
        if not isinstance(annotation, Mapping):
            raise BadRow("an annotation is no object")
        if annotation.get("was_cancelled") or annotation.get("skipped"):
            continue
        if (label := _label(annotation, sides)) is not None:
            labels.append(label)
    return (JudgedPair(pair.prompt, pair.left, pair.right, tuple(labels)),)


def parse_min(row: Mapping[str, Any]) -> tuple[JudgedPair, ...]:
    """Parses one annotation beside the fields of its task. Raises `BadRow`."""
    answers = {name: found for name, value in row.items() if (found := _selected(value))}
    data = {
        name: value for name, value in row.items() if name not in _ABOUT and name not in answers
    }
    pair, sides = _pair(data)
    others = [name for name in data if name not in (*sides, prompt_field(data))]
    given = next(iter(answers.values()), None) or _choice_among(data, others, sides)
    if given is None:
        return (JudgedPair(pair.prompt, pair.left, pair.right, ()),)
    label = GivenLabel(preference_from(given, sides), user_name(row.get("annotator")))
    return (JudgedPair(pair.prompt, pair.left, pair.right, (label,)),)


def _pair(data: Mapping[str, Any]) -> tuple[JudgedPair, Sides]:
    asked = prompt_field(data)
    sides = two_sides(data, asked)
    left, right = (completion(data[name], name) for name in sides)
    if left.raw.strip() == right.raw.strip():
        raise BadRow(f"{sides.left!r} and {sides.right!r} are the same text")
    return JudgedPair(prompt_from(data[asked], asked), left, right, ()), sides


def _label(annotation: Mapping[str, Any], sides: Sides) -> GivenLabel | None:
    """Returns one person's label, None where nothing was chosen."""
    results = annotation.get("result")
    if not isinstance(results, list):
        raise BadRow("an annotation has no list called 'result'")
    given, rationale = None, None
    for result in results:
        value = result.get("value") if isinstance(result, Mapping) else None
        if not isinstance(value, Mapping):
            raise BadRow("a result of an annotation has no 'value'")
        if (chosen := _selected(value)) is not None:
            given = chosen
        elif value.get("text"):
            texts = value["text"] if isinstance(value["text"], list) else [value["text"]]
            rationale = "\n".join(any_text(one, "text of a result") for one in texts)
    if given is None:
        return None
    return GivenLabel(
        preference_from(given, sides), user_name(annotation.get("completed_by")), rationale
    )


def _selected(value: Any) -> str | None:
    """Returns the answer in an exported value: `{"selected"}`, `{"choices"}`, or a list of one."""
    if isinstance(value, str) and value.startswith(("[{", "{")):  # a cell of the CSV export
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, Mapping):
        return None
    answer = value.get("selected") or value.get("choices")
    if isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    return answer if isinstance(answer, str) else None


def _choice_among(data: Mapping[str, Any], others: list[str], sides: Sides) -> str | None:
    """Returns the value of a column that names a side: JSON_MIN writes a choice as bare text."""
    for name in others:
        value = data[name]
        if isinstance(value, str) and len(value) <= 60:
            try:
                preference_from(value, sides)
            except BadRow:
                continue
            return value
    return None
