"""Parses Label Studio's JSON export of two compared texts: a task with annotations.

The answer is read from the control (`from_name`) that asks for the preference: the `<Pairwise>`
one, or the one whose choices name the two texts over the whole file; two ratings named like the
texts are a preference for the higher. Each person's annotation is a label. https://labelstud.io/guide/export
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ptrapp.core.errors import BadRow
from ptrapp.interchange import (
    answer_values,
    answers,
    compared,
    label_config,
    prompt_columns,
    shown_sides,
    sides,
    text_answers,
)
from ptrapp.interchange.answer_values import AnswerColumns, AnswerKind
from ptrapp.interchange.profile import Column, Profile, profile_of
from ptrapp.interchange.prompt_columns import prompt_from
from ptrapp.interchange.records import Found, GivenLabel, JudgedPair, ReadPlan
from ptrapp.interchange.shown_sides import Shown
from ptrapp.interchange.sides import Sides
from ptrapp.interchange.thoughts import completion
from ptrapp.interchange.values import any_text, names, user_name

_SYSTEM = ("system", "system_prompt")
_ABOUT = (
    "id", "meta", "project", "created_at", "updated_at", "inner_id", "total_annotations", "drafts",
    "cancelled_annotations", "total_predictions", "comment_count", "unresolved_comment_count",
    "last_comment_updated_at", "updated_by", "comment_authors", "file_upload", "label_config",
)  # fmt: skip


class LabelStudioLayout(NamedTuple):
    prompt: str
    sides: Sides
    answer: AnswerColumns | None


class _Controls(NamedTuple):
    """What the annotations of a file hold under each control."""

    answers: Profile
    pairwise: dict[str, set[Shown]]
    """Pairwise controls, and what was shown on the left and the right of each."""
    texts: dict[str, None]
    """Controls that ask for a text."""
    rankers: dict[str, None]
    """Controls in which items are put into an order."""
    choices: dict[str, list[str]]
    """What the configuration lets a control of choices answer, where the file has it."""


def looks_like(row: Mapping[str, Any]) -> bool:
    """Returns whether a row is a task with its annotations."""
    return isinstance(row.get("data"), Mapping) and bool(
        {"annotations", "completions", "predictions"} & set(row)
    )


def plan(rows: Iterable[Mapping[str, Any]], given: str = "") -> ReadPlan:
    """Decides how a file is read by all its tasks. Raises `BadRow`."""
    data, controls = Profile(), _Controls(Profile(), {}, {}, {}, {})
    configs: set[str] = set()
    for row in rows:
        data.add(_data(row))
        if (config := label_config.config_of(row)) not in configs:
            configs.add(config)
            for name in label_config.pairwise_controls(config):
                controls.pairwise.setdefault(name, set())
            controls.choices.update(label_config.choices(config))
        for annotation in _annotations(row):
            if not _is_cancelled(annotation):
                values, pairwise = _values(annotation, config)
                controls.answers.add(values)
                for name, shown in pairwise.items():
                    controls.pairwise.setdefault(name, set()).add(shown)
                controls.texts.update(dict.fromkeys(_text_controls(annotation)))
                controls.rankers.update(
                    (str(result.get("from_name")), None)
                    for result, value in _results(annotation)
                    if "ranker" in value
                )
    fields = dict.fromkeys(data.filled, "filled")
    prompt = sides.prompt_field(fields)
    texts = {name: "text" for name, one in data.columns.items() if one.n_texts or one.n_lists}
    two = sides.two_sides(texts, prompt)
    answer = _answer(controls, two, given)
    said = answer.in_words if answer else "no control says which text is preferred: pairs to label"
    note = ""
    for name in answer.columns if answer else ():
        shown_sides.check(name, sorted(controls.pairwise.get(name, ())), two)
    if answer is not None and answer.kind is AnswerKind.WORDS:
        columns = data.columns | controls.answers.columns
        note = text_answers.checked(answer.columns[0], columns, _cells(rows, two), two)
    layout = LabelStudioLayout(prompt, two, answer)
    inner = (prompt, *two, *(answer.columns if answer else ()), *controls.texts)
    known = [*data.filled, *controls.answers.filled]
    rest = tuple(name for name in known if name not in (*inner, *_SYSTEM))
    used = ("data", "annotations", "completions", "predictions")
    notes = tuple(filter(None, (said, note)))
    return ReadPlan(lambda row: _read(row, layout), used, notes, _ABOUT, inner, rest)


def parse(row: Mapping[str, Any]) -> tuple[JudgedPair, ...]:
    """Parses one task with all its annotations. Raises `BadRow`."""
    return tuple(plan([row]).read(row).records)  # type: ignore[arg-type]


def parse_min(row: Mapping[str, Any]) -> tuple[JudgedPair, ...]:
    """Parses one row of JSON_MIN: one annotation beside its task's fields. Raises `BadRow`."""
    return tuple(plan_min(profile_of([row]), [row]).read(row).records)  # type: ignore[arg-type]


def plan_min(profile: Profile, rows: Iterable[Mapping[str, Any]], given: str = "") -> ReadPlan:
    """Decides how a short export is read: as any comparison, where left and right are clear."""
    layout = compared.decide(profile, rows, given)
    if layout.answer is not None and layout.answer.kind is AnswerKind.WORDS:
        (name,) = layout.answer.columns
        shown_sides.check_short(name, profile.columns[name].values, layout.sides)
    return compared.planned(layout)


def _answer(controls: _Controls, two: Sides, given: str) -> AnswerColumns | None:
    columns: Mapping[str, Column] = controls.answers.columns
    pairwise = sorted(controls.pairwise.keys() & set(columns))
    if given or not pairwise:
        for name, options in () if given else controls.choices.items():
            if name in columns:
                columns[name].values.update(one for one in options if _is_answer(one, two))
        found = answers.decide(columns, two, given, controls=True)
        if found is None and controls.rankers:
            raise BadRow(
                f"texts were ranked in {', '.join(controls.rankers)}, which is not read; ask for "
                "the better one with <Pairwise> or <Choices>"
            )
        return found
    if len(pairwise) > 1:
        raise answers.ambiguous(pairwise)
    return answers.in_words(pairwise[0])


def _cells(rows: Iterable[Mapping[str, Any]], two: Sides) -> Iterator[Mapping[str, Any]]:
    """Yields the answers of each annotation beside the two texts of its task."""
    for row in rows:
        texts = {name: _data(row).get(name) for name in two}
        config = label_config.config_of(row)
        for annotation in _annotations(row):
            if not _is_cancelled(annotation):
                yield _values(annotation, config, two)[0] | texts


def _is_answer(option: str, two: Sides) -> bool:
    try:
        sides.preference_from(option, two)
    except BadRow:
        return False
    return True


def _read(row: Mapping[str, Any], layout: LabelStudioLayout) -> Found:
    data = _data(row)
    for name in (layout.prompt, *layout.sides):
        if not data.get(name):
            raise BadRow(f"no {name!r} in 'data' (it has {names(data)})")
    left, right = (completion(data[name], name) for name in layout.sides)
    if left.raw.strip() == right.raw.strip():
        raise BadRow(f"{layout.sides.left!r} and {layout.sides.right!r} are the same text")
    labels, left_out, config = [], list(_unused(row)), label_config.config_of(row)
    for annotation in _annotations(row):
        if _is_cancelled(annotation):
            left_out.append("a cancelled or skipped annotation")
        elif (label := _label(annotation, config, layout)) is not None:
            labels.append(label)
        else:
            left_out.append("an annotation without an answer")
    prompt = prompt_from(data[layout.prompt], layout.prompt)
    system = prompt_columns.PromptColumns(system=next((n for n in _SYSTEM if data.get(n)), ""))
    prompt = prompt_columns.with_parts(prompt, data, system)
    return Found((JudgedPair(prompt, left, right, tuple(labels)),), left_out)


def _unused(row: Mapping[str, Any]) -> Iterator[str]:
    for name, reason in (("drafts", "a draft"), ("predictions", "a model's prediction")):
        given = row.get(name)
        yield from [reason] * (len(given) if isinstance(given, list) else 0)


def _data(row: Mapping[str, Any]) -> Mapping[str, Any]:
    data = row.get("data")
    if not isinstance(data, Mapping):
        raise BadRow(f"no 'data' (it has {names(row)})")
    return data


def _annotations(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = row.get("annotations", row.get("completions", []))
    if not isinstance(found, list):
        raise BadRow("'annotations' is no list")
    if not all(isinstance(one, Mapping) for one in found):
        raise BadRow("an annotation is no object")
    return found


def _is_cancelled(annotation: Mapping[str, Any]) -> bool:
    return bool(annotation.get("was_cancelled") or annotation.get("skipped"))


def _results(
    annotation: Mapping[str, Any],
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    results = annotation.get("result")
    if not isinstance(results, list):
        raise BadRow("an annotation has no list called 'result'")
    for result in results:
        value = result.get("value") if isinstance(result, Mapping) else None
        if not isinstance(value, Mapping):
            raise BadRow("a result of an annotation has no 'value'")
        yield result, value


def _values(
    annotation: Mapping[str, Any], config: str, two: Sides | None = None
) -> tuple[dict[str, Any], dict[str, Shown]]:
    """Returns the answers of an annotation by control, and what the pairwise ones compare.

    Left and right are those of the two texts where these are given, else those of the screen. A
    control that was answered for both texts (`to_name`) is two, `rating:answer1` and the like.
    """
    fields = label_config.fields(config)
    results = [(result, value) for result, value in _results(annotation) if "text" not in value]
    n_of = Counter(str(result.get("from_name", "")) for result, _ in results)
    found: dict[str, Any] = {}
    pairwise: dict[str, Shown] = {}
    for result, value in results:
        name = str(result.get("from_name", ""))
        if n_of[name] > 1:
            to_name = str(result.get("to_name", ""))
            name = f"{name}:{fields.get(to_name, to_name)}"
        if result.get("type") == "pairwise" or "selected" in value:
            pairwise[name] = shown_sides.shown(result, fields)
            value = shown_sides.in_order(value, pairwise[name], two) if two else value
        choices = value.get("choices")
        found[name] = " and ".join(map(str, choices)) if isinstance(choices, list) else dict(value)
    return found, pairwise


def _text_controls(annotation: Mapping[str, Any]) -> Iterator[str]:
    for result, value in _results(annotation):
        if result.get("from_name") and "text" in value:
            yield str(result["from_name"])


def _label(
    annotation: Mapping[str, Any], config: str, layout: LabelStudioLayout
) -> GivenLabel | None:
    """Returns one person's label, None where nothing was chosen."""
    values, _ = _values(annotation, config, layout.sides)
    user = user_name(annotation.get("completed_by"), "completed_by")
    preference = answer_values.read(values, layout.answer, layout.sides) if layout.answer else None
    if preference is None:
        return None
    texts = [one for _, value in _results(annotation) for one in _text(value)]
    return GivenLabel(preference, user, "\n".join(texts) or None)


def _text(value: Mapping[str, Any]) -> list[str]:
    given = value.get("text")
    texts = given if isinstance(given, list) else [given]
    return [any_text(one, "text of a result") for one in texts if one]
