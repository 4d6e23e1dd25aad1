"""Reads the shapes of Argilla's records: version 2 nested or flat, and version 1's FeedbackDataset.

https://docs.argilla.io/latest/how_to_guides/import_export/; flat records name their columns
`QUESTION.responses`, or `QUESTION.response.USER` for one user each.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any, NamedTuple

from ptrapp.core.errors import BadRow
from ptrapp.interchange.cells import list_in
from ptrapp.interchange.values import user_name

ABOUT = frozenset({"id", "_server_id", "external_id", "metadata", "vectors", "status", "score"})
_SINGLE = re.compile(r"(.+)\.response\.([^.]+)")
_FLAT = (".responses", ".suggestion")
_SUBMITTED = (None, "submitted")


class UserAnswer(NamedTuple):
    """One user's response to one question; `state` is None or "submitted" for a given answer."""

    question: str
    user: str | None
    value: Any
    state: str | None = None

    @property
    def is_given(self) -> bool:
        return self.state in _SUBMITTED


class ArgillaRecord(NamedTuple):
    """The fields of one record, and every response to its questions."""

    fields: Mapping[str, Any]
    answers: list[UserAnswer]
    n_suggestions: int = 0


def looks_like(row: Mapping[str, Any]) -> bool:
    """Returns whether a row is a record of Argilla."""
    if isinstance(row.get("fields"), Mapping) and "responses" in row:
        return True
    return any(_is_flat(str(name)) or _is_v1(value) for name, value in row.items())


def parts(row: Mapping[str, Any]) -> ArgillaRecord:
    """Returns fields and responses, from any of the shapes of a record. Raises `BadRow`."""
    if isinstance(row.get("fields"), Mapping):
        suggested = row.get("suggestions") or {}
        return ArgillaRecord(
            row["fields"], list(_nested(row.get("responses") or {})), len(suggested)
        )
    n_suggestions = sum(
        1
        for name, value in row.items()
        if value and str(name).endswith((".suggestion", "-suggestion"))
    )
    if any(_is_flat(str(name)) for name in row):
        answers = [
            one for name in row if str(name).endswith(".responses") for one in _flat(row, name)
        ]
        answers += [one for name, value in row.items() for one in _single(str(name), value)]
        fields = {name: value for name, value in row.items() if "." not in name}
    else:
        questions = [name for name, value in row.items() if _is_v1(value)]
        answers = [one for name in questions for one in _v1(name, row[name])]
        fields = {
            name: value
            for name, value in row.items()
            if name not in questions and "-suggestion" not in name
        }
    fields = {name: value for name, value in fields.items() if name not in ABOUT}
    return ArgillaRecord(fields, answers, n_suggestions)


def _is_flat(name: str) -> bool:
    return name.endswith(_FLAT) or bool(_SINGLE.fullmatch(name))


def _single(name: str, value: Any) -> Iterator[UserAnswer]:
    """Reads a column that holds one user's response alone."""
    found = _SINGLE.fullmatch(name)
    if found and value not in (None, ""):
        yield UserAnswer(found[1], user_name(found[2], name), list_in(value) or value)


def _nested(responses: Any) -> Iterator[UserAnswer]:
    if isinstance(responses, list):
        for one in responses:
            yield from _of_one(one)
        return
    if not isinstance(responses, Mapping):
        raise BadRow("'responses' is no object of questions")
    for question, given in responses.items():
        if not isinstance(given, list):
            raise BadRow(f"the responses to {question!r} are no list")
        for one in given:
            if not isinstance(one, Mapping):
                raise BadRow(f"a response to {question!r} is no object")
            user = user_name(one.get("user_id"), "user_id")
            yield UserAnswer(question, user, one.get("value"), one.get("status"))


def _of_one(response: Any) -> Iterator[UserAnswer]:
    """Reads what one person said of all questions, as records of version 1 have it."""
    values = response.get("values") if isinstance(response, Mapping) else None
    if not isinstance(values, Mapping):
        raise BadRow("a response has no object of 'values'")
    user = user_name(response.get("user_id"), "user_id")
    for question, given in values.items():
        if not isinstance(given, Mapping):
            raise BadRow(f"a response to {question!r} is no object")
        yield UserAnswer(question, user, given.get("value"), response.get("status"))


def _flat(row: Mapping[str, Any], name: str) -> Iterator[UserAnswer]:
    values, users, states = (_listed(row, name + part) for part in ("", ".users", ".status"))
    if values and all(isinstance(one, Mapping) and "rank" in one for one in values):
        if len(users) > 1:
            raise BadRow(f"{name!r} has one rank for each of {len(users)} people, not a ranking")
        values = [values]
    for value, user, state in zip_longest(values, users, states):
        who = user_name(user, f"{name}.users")
        yield UserAnswer(name.removesuffix(".responses"), who, value, state)


def _listed(row: Mapping[str, Any], name: str) -> list[Any]:
    """Returns a list, which may stand in a cell; a text alone is the only one of it."""
    given = row.get(name)
    if given in (None, ""):
        return []
    if (found := list_in(given)) is not None:
        return found
    if not isinstance(given, str) or given.lstrip().startswith("["):
        raise BadRow(f"{name!r} is no list of responses, neither as JSON nor as Python writes it")
    return [given]


def _v1(name: str, given: Any) -> Iterator[UserAnswer]:
    if isinstance(given, Mapping):  # a sequence of objects comes as an object of lists
        columns = [given.get(part) or [] for part in ("value", "user_id", "status")]
        given = [
            {"value": value, "user_id": user, "status": state}
            for value, user, state in zip_longest(*columns)
        ]
    yield from _nested({name: given})


def _is_v1(value: Any) -> bool:
    one = value[0] if isinstance(value, list) and value else value
    return isinstance(one, Mapping) and {"user_id", "value"} <= set(one)
