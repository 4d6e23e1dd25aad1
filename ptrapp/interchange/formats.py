"""Decides the format of a file and how its columns are read, once for all its rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ptrapp.core.errors import BadRow, InputError
from ptrapp.interchange import (
    argilla,
    compared,
    label_studio,
    native,
    preferences,
    prompt_columns,
    questions,
    ranked,
    trees,
    unpaired,
    votes,
)
from ptrapp.interchange.profile import Profile, profile_of
from ptrapp.interchange.ranked import Pairs
from ptrapp.interchange.records import Found, ReadPlan
from ptrapp.interchange.values import names


class Format(StrEnum):
    VOTES = "votes"
    """Native raw votes."""
    PREFERENCES = "preferences"
    """TRL's preference types and their like, HH-RLHF's transcripts, the native export."""
    COMPARISONS = "comparisons"
    """Two texts and a column that names the preferred one: arenas, HelpSteer, SHP …"""
    RANKED = "ranked"
    """Several answers with ranks or ratings: Nectar, UltraFeedback."""
    TREES = "trees"
    """OpenAssistant's messages, as trees or as a table."""
    UNPAIRED = "unpaired"
    ATTEMPTS = "attempts"
    """The PTR authors' format: a question with a weak and a strong answer."""
    ARGILLA = "argilla"
    LABEL_STUDIO = "label_studio"
    LABEL_STUDIO_MIN = "label_studio_min"
    PROMPTS = "prompts"


@dataclass(frozen=True, slots=True)
class Options:
    """What a person says about a file before it is read."""

    fmt: Format | None = None
    answer_column: str = ""
    """Column, control or question with the preference; by default found by the answers."""
    pairs: Pairs = Pairs.ALL


class Shapes:
    """Which nested formats the rows of a file have, as their values show."""

    def __init__(self) -> None:
        self.label_studio = self.argilla = self.trees = False

    def add(self, row: Mapping[str, Any]) -> None:
        self.label_studio = self.label_studio or label_studio.looks_like(row)
        self.argilla = self.argilla or argilla.looks_like(row)
        self.trees = self.trees or trees.looks_like(row)


def detect(rows: Sequence[Any], file: str) -> Format:
    """Returns the format of rows. Raises `InputError` that names their columns."""
    objects = [row for row in rows if isinstance(row, Mapping)]
    shapes = Shapes()
    for row in objects:
        shapes.add(row)
    return format_of(profile_of(objects), shapes, file)


def format_of(profile: Profile, shapes: Shapes, file: str) -> Format:
    """Returns the format that all columns of a file tell. Raises `InputError` that names them."""
    if not profile.columns:
        raise InputError(
            f"{file} holds no objects with named columns; give one JSON object a line, a list of "
            "them, a CSV file with a header, or a Parquet file."
        )
    try:
        found = _of(profile, shapes)
    except BadRow as error:
        raise InputError(f"{file}: {error}.") from error
    if found is None:
        raise InputError(
            f"{file} is in no format that is known: its columns are {names(profile.columns)}. "
            "Known are "
            "prompt, chosen and rejected; prompt, response_a, response_b and winner; prompt, "
            "completion "
            "and label; question, output1 and output2; prompt, question, instruction or "
            "messages alone; "
            "exports of Argilla and Label Studio. Rename the columns, or name the format: "
            f"{', '.join(Format)}."
        )
    if found is Format.PROMPTS and (judged := questions.judged(profile)):
        raise InputError(
            f"{file} has columns that say what somebody preferred ({', '.join(judged)}), but "
            "not in a "
            f"way that is known; its columns are {names(profile.columns)}. Rename them to "
            "prompt, chosen "
            "and rejected, or to prompt, response_a, response_b and winner; or choose the format "
            "prompts to import its prompts alone."
        )
    return found


def plan_of(
    fmt: Format, profile: Profile, rows: Iterable[Mapping[str, Any]], options: Options
) -> ReadPlan:
    """Returns how every row of a file is read. Raises `BadRow` for what is not clear."""
    plan = _plan_of(fmt, profile, rows, options)
    used = [name for name in plan.used if name in profile.columns]
    said = prompt_columns.not_read(unused(profile, plan), (*used, *plan.inner))
    return plan._replace(said=(*plan.said, said)) if said else plan


def _plan_of(
    fmt: Format, profile: Profile, rows: Iterable[Mapping[str, Any]], options: Options
) -> ReadPlan:
    given = options.answer_column
    match fmt:
        case Format.VOTES:
            return ReadPlan(lambda row: Found(votes.parse(row)), tuple(profile.columns))
        case Format.PREFERENCES:
            return preferences.plan(profile, rows)
        case Format.COMPARISONS:
            return compared.plan(profile, rows, given)
        case Format.LABEL_STUDIO_MIN:
            return label_studio.plan_min(profile, rows, given)
        case Format.RANKED:
            return ranked.plan(profile, rows, given, options.pairs)
        case Format.TREES:
            return trees.plan(profile, rows)
        case Format.UNPAIRED:
            return unpaired.plan(profile)
        case Format.ATTEMPTS:
            return questions.plan_attempts(profile)
        case Format.ARGILLA:
            return argilla.plan(rows, given)
        case Format.LABEL_STUDIO:
            return label_studio.plan(rows, given)
        case Format.PROMPTS:
            return questions.plan(profile)


def unused(profile: Profile, plan: ReadPlan) -> list[str]:
    """Returns the filled columns that are not read."""
    left = [
        name or "a column without a name"
        for name in profile.filled
        if name not in (*plan.used, *plan.about)
    ]
    return [*left, *plan.inner_unused]


def _of(profile: Profile, shapes: Shapes) -> Format | None:
    columns = set(profile.columns)
    if votes.MARK in columns:
        return Format.VOTES
    if native.COLUMN in columns:
        return Format.PREFERENCES
    if shapes.label_studio:
        return Format.LABEL_STUDIO
    if shapes.argilla:
        return Format.ARGILLA
    if {"annotation_id", "annotator"} <= columns:
        return Format.LABEL_STUDIO_MIN
    if (two := preferences.both_of(profile)) and not compared.only_name(profile, two):
        return Format.PREFERENCES
    if shapes.trees or trees.is_table(profile):
        return Format.TREES
    compares = compared.find_sides(profile) is not None
    if columns.issuperset(questions.ATTEMPT_COLUMNS) and not questions.judged_beside(profile):
        return Format.ATTEMPTS
    if compares:
        return Format.COMPARISONS
    if ranked.answers_column(profile) is not None:
        return Format.RANKED
    if unpaired.decide(profile) is not None:
        return Format.UNPAIRED
    return Format.PROMPTS if columns & set(questions.COLUMNS) else None
