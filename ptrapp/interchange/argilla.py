"""Parses Argilla's exports: records of version 2, nested or flat, and version 1's FeedbackDataset.

It reads ranking questions over two or more texts, and label questions and ratings over two; each
user's submitted response is a label. https://docs.argilla.io/latest/how_to_guides/import_export/
"""

from collections.abc import Iterator, Mapping
from itertools import combinations, zip_longest
from typing import Any, NamedTuple

from ptrapp.core.errors import BadRow
from ptrapp.core.types import Choice, Preference
from ptrapp.interchange import sides
from ptrapp.interchange.preferences import prompt_from
from ptrapp.interchange.records import GivenLabel, JudgedPair
from ptrapp.interchange.sides import Sides
from ptrapp.interchange.thoughts import completion
from ptrapp.interchange.values import names, user_name

_ABOUT = frozenset({"id", "_server_id", "external_id", "metadata", "vectors", "status", "score"})
_REASONS = ("reason", "rationale", "comment", "explanation", "why")
_MAX_OPTIONS = 10


class _Answer(NamedTuple):
    question: str
    user: str | None
    value: Any


def looks_like(row: Mapping[str, Any]) -> bool:
    """Returns whether a row is a record of Argilla."""
    if isinstance(row.get("fields"), Mapping) and "responses" in row:
        return True
    return any(str(name).endswith(".responses") or _is_v1(value) for name, value in row.items())


def parse(row: Mapping[str, Any]) -> tuple[JudgedPair, ...]:
    """Returns the pairs of one record, each with every user's label. Raises `BadRow`."""
    fields, answers = _parts(row)
    asked = sides.prompt_field(fields)
    prompt = prompt_from(fields[asked], asked)
    ranked = {user: ranks for user, value in _rankings(answers) if (ranks := _ranks(value))}
    if ranked:
        compared = [Sides(*two) for two in combinations(_ranked_options(ranked, fields), 2)]
    else:
        compared = [sides.two_sides(fields, asked)]
    reasons = _reasons(answers)
    found = []
    for pair in compared:
        left, right = (completion(fields[name], name) for name in pair)
        if left.raw.strip() == right.raw.strip():
            raise BadRow(f"{pair.left!r} and {pair.right!r} are the same text")
        given = _by_rank(ranked, pair) if ranked else _by_answer(answers, pair)
        labels = [GivenLabel(one, user, reasons.get(user)) for user, one in given.items()]
        found.append(JudgedPair(prompt, left, right, tuple(labels)))
    return tuple(found)


def _parts(row: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[_Answer]]:
    """Returns fields and submitted answers, from any of the three shapes of a record."""
    if isinstance(row.get("fields"), Mapping):
        return row["fields"], list(_nested(row.get("responses") or {}))
    flat = [name for name in row if str(name).endswith(".responses")]
    if flat:
        answers = [one for name in flat for one in _flat(row, name)]
        fields = {name: value for name, value in row.items() if "." not in name}
    else:
        questions = [name for name, value in row.items() if _is_v1(value)]
        answers = [one for name in questions for one in _v1(name, row[name])]
        fields = {
            name: value
            for name, value in row.items()
            if name not in questions and "-suggestion" not in name
        }
    return {name: value for name, value in fields.items() if name not in _ABOUT}, answers


def _nested(responses: Any) -> Iterator[_Answer]:
    if not isinstance(responses, Mapping):
        raise BadRow("'responses' is no object of questions")
    for question, given in responses.items():
        if not isinstance(given, list):
            raise BadRow(f"the responses to {question!r} are no list")
        for one in given:
            if not isinstance(one, Mapping):
                raise BadRow(f"a response to {question!r} is no object")
            if one.get("status") in (None, "submitted"):
                yield _Answer(question, user_name(one.get("user_id")), one.get("value"))


def _flat(row: Mapping[str, Any], name: str) -> Iterator[_Answer]:
    values, users, states = (row.get(name + part) or [] for part in ("", ".users", ".status"))
    if not all(isinstance(one, list) for one in (values, users, states)):
        raise BadRow(f"{name!r} is no list of responses")
    for value, user, state in zip_longest(values, users, states):
        if state in (None, "submitted"):
            yield _Answer(name.removesuffix(".responses"), user_name(user), value)


def _v1(name: str, given: Any) -> Iterator[_Answer]:
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


def _rankings(answers: list[_Answer]) -> Iterator[tuple[str | None, Any]]:
    for answer in answers:
        if isinstance(answer.value, Mapping) or (
            isinstance(answer.value, list) and len(answer.value) > 1
        ):
            yield answer.user, answer.value


def _ranks(value: Any) -> dict[str, int]:
    """Returns the ranks of options by name, 1 the best; a bare list is in order of rank."""
    if isinstance(value, Mapping):
        pairs = list(zip(value.get("value") or [], value.get("rank") or [], strict=False))
    elif all(isinstance(one, Mapping) for one in value):
        pairs = [(one.get("value"), one.get("rank", n)) for n, one in enumerate(value, start=1)]
    else:
        pairs = [(one, rank) for rank, one in enumerate(value, start=1)]
    for name, rank in pairs:
        if not isinstance(name, str) or not isinstance(rank, int):
            raise BadRow(f"a ranking holds {str((name, rank))[:60]} instead of a name and a rank")
    return dict(pairs)


def _ranked_options(ranked: Mapping[Any, dict[str, int]], fields: Mapping[str, Any]) -> list[str]:
    named = list(dict.fromkeys(name for ranks in ranked.values() for name in ranks))
    if strange := [name for name in named if name not in fields]:
        raise BadRow(f"{strange[0][:60]!r} was ranked and is no field; these are {names(fields)}")
    if len(named) > _MAX_OPTIONS:
        raise BadRow(f"{len(named)} texts were ranked, more than {_MAX_OPTIONS}")
    return sorted(named)


def _by_rank(
    ranked: Mapping[str | None, dict[str, int]], pair: Sides
) -> dict[str | None, Preference]:
    found: dict[str | None, Preference] = {}
    for user, ranks in ranked.items():
        left, right = ranks.get(pair.left), ranks.get(pair.right)
        if left is not None and right is not None:
            found[user] = _higher(-left, -right)
    return found


def _by_answer(answers: list[_Answer], pair: Sides) -> dict[str | None, Preference]:
    """Reads labels in words, or else two ratings, the left text's under the first name."""
    chosen: dict[str | None, Preference] = {}
    ratings: dict[str | None, dict[str, int]] = {}
    for question, user, value in answers:
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, str) and not _is_reason(question):
            chosen[user] = sides.preference_from(value, pair)
        elif isinstance(value, int) and not isinstance(value, bool):
            ratings.setdefault(user, {})[question] = value
    if chosen or not ratings:
        return chosen
    if any(len(given) != 2 for given in ratings.values()):
        raise BadRow("ratings were asked for, but not two of them: one for each text")
    for user, given in ratings.items():
        left, right = (given[name] for name in sorted(given))
        chosen[user] = _higher(left, right)
    return chosen


def _higher(left: int, right: int) -> Preference:
    """Returns a preference for the side with the higher number, a tie for equal ones."""
    if left == right:
        return Preference(Choice.TIE)
    return Preference(Choice.LEFT if left > right else Choice.RIGHT)


def _reasons(answers: list[_Answer]) -> dict[str | None, str]:
    return {
        answer.user: answer.value
        for answer in answers
        if isinstance(answer.value, str) and _is_reason(answer.question)
    }


def _is_reason(question: str) -> bool:
    return any(word in question.lower() for word in _REASONS)
