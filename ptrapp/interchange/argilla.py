"""Parses Argilla's exports: every user's ranking, label or two ratings is a label of a pair.

The question that says the preference is found by all answers of the file: its answers name the
texts. https://docs.argilla.io/latest/how_to_guides/import_export/
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from ptrapp.core.errors import BadRow
from ptrapp.core.types import Preference
from ptrapp.interchange import answer_values, answers, sides, text_answers
from ptrapp.interchange.answer_values import AnswerColumns, AnswerKind, higher
from ptrapp.interchange.argilla_records import ABOUT, UserAnswer, looks_like, parts
from ptrapp.interchange.meaning import Says, says
from ptrapp.interchange.profile import Column, Profile
from ptrapp.interchange.prompt_columns import PromptColumns, prompt_from, with_parts
from ptrapp.interchange.records import Found, GivenLabel, JudgedPair, ReadPlan
from ptrapp.interchange.sides import Sides
from ptrapp.interchange.thoughts import completion
from ptrapp.interchange.values import names

__all__ = ["looks_like", "parse", "plan"]
_REASONS = ("reason", "rationale", "comment", "explanation", "why")
_MAX_OPTIONS = 10
_SYSTEM = ("system", "system_prompt")


class ArgillaLayout(NamedTuple):
    prompt: str
    sides: Sides | None
    """None where a ranking names the texts itself."""
    answer: AnswerColumns | None


def plan(rows: Iterable[Mapping[str, Any]], given: str = "") -> ReadPlan:
    """Decides how a file is read by all its records. Raises `BadRow`."""
    fields, asked, ranked = Profile(), Profile(), dict[str, set[Any]]()
    columns: dict[str, None] = {}
    for row in rows:
        record = parts(row)
        columns |= dict.fromkeys(row)
        fields.add(record.fields)
        for one in record.answers:
            if one.is_given and not _is_reason(one.question):
                if _is_ranking(one.value):
                    ranked.setdefault(one.question, set()).update(_ranks(one.value))
                else:
                    asked.add({one.question: one.value})
    layout = _layout(fields, asked.columns, ranked, given)
    said = layout.answer.in_words if layout.answer else "no question says which text is preferred"
    note = _note(rows, layout, fields, asked)
    columns_read = layout.answer.columns if layout.answer else ()
    compared = set(layout.sides or ()).union(*(ranked.get(name, ()) for name in columns_read))
    inner = (layout.prompt, *sorted(compared), *columns_read)
    known = [*fields.filled, *asked.filled, *ranked]
    rest = tuple(name for name in dict.fromkeys(known) if name not in (*inner, *_SYSTEM))
    flat = [name for name in columns if name.partition(".")[0] in (*inner, *rest)]
    about = (*ABOUT, "suggestions", *flat)
    notes = tuple(filter(None, (said, note)))
    return ReadPlan(
        lambda row: _read(row, layout), ("fields", "responses"), notes, about, inner, rest
    )


def parse(row: Mapping[str, Any]) -> tuple[JudgedPair, ...]:
    """Returns the pairs of one record, each with every user's label. Raises `BadRow`."""
    return tuple(plan([row]).read(row).records)  # type: ignore[arg-type]


def _note(
    rows: Iterable[Mapping[str, Any]], layout: ArgillaLayout, fields: Profile, asked: Profile
) -> str:
    """Returns what a person should know where an answer is the words of a text too."""
    if layout.sides is None or layout.answer is None or layout.answer.kind is not AnswerKind.WORDS:
        return ""
    (name,) = layout.answer.columns
    cells = (
        {**record.fields, name: one.value}
        for record in map(parts, rows)
        for one in record.answers
        if one.is_given and one.question == name
    )
    return text_answers.checked(name, fields.columns | asked.columns, cells, layout.sides)


def _layout(
    fields: Profile, asked: Mapping[str, Column], ranked: Mapping[str, set[Any]], given: str
) -> ArgillaLayout:
    named = dict.fromkeys(fields.columns, "")
    prompt = sides.prompt_field(dict.fromkeys(fields.filled, "filled"))
    rankings = [name for name, options in ranked.items() if options & set(named)]
    if given in rankings:
        return _by_ranking(prompt, given)
    texts = {name: "text" for name, one in fields.columns.items() if one.n_texts or one.n_lists}
    try:
        two = sides.two_sides(texts, prompt)
    except BadRow:
        if rankings and not given:
            return _by_ranking(prompt, _one_of(rankings))
        raise
    if given:
        return ArgillaLayout(prompt, two, answers.decide(asked, two, given, controls=True))
    try:
        answer = answers.decide(asked, two, controls=True)
    except BadRow:
        if not rankings:
            raise
        answer = None
    if rankings and answer is not None and answer.kind is AnswerKind.WORDS:
        _one_of([*rankings, *answer.columns])
    if rankings:
        return _by_ranking(prompt, _one_of([*rankings, *answers.unnamed(asked, two)]))
    asked_for = [name for name in ranked if "rank" in name.lower() or "prefer" in name.lower()]
    if asked_for and answer is None:
        name, options = asked_for[0], ranked[asked_for[0]]
        raise BadRow(
            f"{sorted(options)[0][:60]!r} was ranked in {name!r} and is no field; these are "
            f"{names(named)}"
        )
    return ArgillaLayout(prompt, two, answer)


def _by_ranking(prompt: str, name: str) -> ArgillaLayout:
    """Returns the reading by a question in which texts were ranked, the best first."""
    if says(name) in (Says.WORSE, Says.OPPOSITE):
        raise BadRow(
            f"texts were ranked in {name!r}, which by its name does not ask for the best first; "
            "turn the ranks around and rename it to ranking"
        )
    return ArgillaLayout(prompt, None, AnswerColumns(AnswerKind.RANKING, (name,)))


def _one_of(named: Sequence[str]) -> str:
    if len(named) > 1:
        raise answers.ambiguous(named)
    return named[0]


def _read(row: Mapping[str, Any], layout: ArgillaLayout) -> Found:
    record = parts(row)
    fields = record.fields
    if not fields.get(layout.prompt):
        raise BadRow(f"no {layout.prompt!r}, the field of the prompt")
    prompt = prompt_from(fields[layout.prompt], layout.prompt)
    system = PromptColumns(system=next((name for name in _SYSTEM if fields.get(name)), ""))
    prompt = with_parts(prompt, fields, system)
    given = [one for one in record.answers if one.is_given]
    question = layout.answer.columns if layout.answer else ()
    ranked: dict[str | None, dict[str, int]] = {}
    if layout.sides is None:
        ranked = {one.user: _ranks(one.value) for one in given if one.question in question}
        options = _ranked_options(ranked, fields) or sides.options(fields, layout.prompt)
        compared = [Sides(*two) for two in combinations(options, 2)]
    else:
        compared = [layout.sides]
    reasons = {
        one.user: one.value
        for one in given
        if isinstance(one.value, str) and _is_reason(one.question)
    }
    found = []
    for pair in compared:
        if missing := [name for name in pair if not fields.get(name)]:
            raise BadRow(f"no {missing[0]!r}")
        left, right = (completion(fields[name], name) for name in pair)
        if left.raw.strip() == right.raw.strip():
            raise BadRow(f"{pair.left!r} and {pair.right!r} are the same text")
        chosen = _by_rank(ranked, pair) if layout.sides is None else _by_answer(given, pair, layout)
        labels = [GivenLabel(one, user, reasons.get(user)) for user, one in chosen.items()]
        found.append(JudgedPair(prompt, left, right, tuple(labels)))
    return Found(tuple(found), tuple(_left_out(record.answers, record.n_suggestions)))


def _left_out(given: Sequence[UserAnswer], n_suggestions: int) -> Iterator[str]:
    for one in given:
        if not one.is_given:
            yield f"a response that is {one.state}, not submitted"
    yield from ["a model's suggestion"] * n_suggestions


def _by_answer(
    given: Sequence[UserAnswer], pair: Sides, layout: ArgillaLayout
) -> dict[str | None, Preference]:
    if layout.answer is None:
        return {}
    by_user: dict[str | None, dict[str, Any]] = {}
    for one in given:
        if one.question in layout.answer.columns:
            by_user.setdefault(one.user, {})[one.question] = one.value
    read = {
        user: answer_values.read(values, layout.answer, pair) for user, values in by_user.items()
    }
    return {user: one for user, one in read.items() if one is not None}


def _is_ranking(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and len(value) > 1)


def _ranks(value: Any) -> dict[str, int]:
    """Returns the ranks of options by name, 1 the best; a bare list is in order of rank."""
    if isinstance(value, Mapping):
        pairs = list(zip(value.get("value") or [], value.get("rank") or [], strict=False))
    elif all(isinstance(one, Mapping) for one in value):
        pairs = [(one.get("value"), one.get("rank", n)) for n, one in enumerate(value, start=1)]
    else:
        pairs = [(one, rank) for rank, one in enumerate(value, start=1)]
    return dict(_named_rank(name, rank) for name, rank in pairs)


def _named_rank(name: Any, rank: Any) -> tuple[str, int]:
    """Returns a text and its rank, which a data frame writes as 1.0. Raises `BadRow`."""
    is_whole = isinstance(rank, int) or (isinstance(rank, float) and rank.is_integer())
    if not isinstance(name, str) or not is_whole or isinstance(rank, bool):
        raise BadRow(f"a ranking holds {str((name, rank))[:60]} instead of a name and a rank")
    return name, int(rank)


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
            found[user] = higher(-left, -right)
    return found


def _is_reason(question: str) -> bool:
    return any(word in question.lower() for word in _REASONS)
