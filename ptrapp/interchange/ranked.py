"""Parses rows with several answers to one prompt, each with a rank or a rating.

Nectar's `answers` with `rank`, 1 the best (https://huggingface.co/datasets/berkeley-nest/Nectar);
UltraFeedback's `completions` with ratings (https://huggingface.co/datasets/openbmb/UltraFeedback),
of which `fine-grained_score`, the mean of the ratings, is taken before `overall_score`, and where
neither is there the mean of the ratings in `annotations`; `responses` with a list of `scores`
beside them.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import combinations
from statistics import mean
from typing import Any, NamedTuple

from ptrapp.core.errors import BadRow
from ptrapp.core.types import Choice, Preference
from ptrapp.interchange import prompt_columns
from ptrapp.interchange.answers import FLAG
from ptrapp.interchange.profile import Profile, is_nan
from ptrapp.interchange.prompt_columns import PromptColumns
from ptrapp.interchange.records import Found, GivenLabel, JudgedPair, ReadPlan
from ptrapp.interchange.thoughts import completion
from ptrapp.interchange.values import any_text

ANNOTATIONS = "annotations"
"""Where UltraFeedback has a rating for each aspect: `{"honesty": {"Rating": "4", …}, …}`."""
_LISTS = ("answers", "completions", "responses", "outputs", "generations")
_TEXTS = ("answer", "response", "text", "content", "completion", "output")
_QUALITIES = (
    "rank",
    "fine-grained_score",
    "overall_score",
    "score",
    "rating",
    "overall_rating",
    ANNOTATIONS,
)
_BESIDE = ("scores", "ratings", "ranks", "rank", "score", "rating")
"""Not `ranking`, which is as often the answers' places in order as the rank of each."""
_MAX_ANSWERS = 20
_UNRATED = "an answer without a rank or a rating"
_EQUAL = "two answers with the same text"


class Pairs(StrEnum):
    """Which pairs of several answers are imported."""

    ALL = "all"
    BEST_WORST = "best-worst"


class RankedLayout(NamedTuple):
    prompt: PromptColumns
    answers: str
    quality: str
    """Key of an answer's rank or rating, or a column that lists them."""
    beside: bool
    pairs: Pairs


class _Answer(NamedTuple):
    text: str
    quality: float
    """The higher the better."""


def answers_column(profile: Profile) -> str | None:
    """Returns the column that lists several answers, None where there is none."""
    lists = (n for n in _LISTS if n in profile.columns and profile.columns[n].n_lists)
    return next(lists, None)


def plan(profile: Profile, rows: Any, given: str = "", pairs: Pairs = Pairs.ALL) -> ReadPlan:
    """Decides how a file is read. Raises `BadRow`."""
    column = answers_column(profile)
    if column is None:
        raise BadRow(f"none of {', '.join(_LISTS)} lists several answers")
    keys: dict[str, None] = {}
    for row in rows:
        for one in row.get(column) or ():
            if isinstance(one, Mapping):
                keys |= dict.fromkeys(str(key) for key, value in one.items() if value is not None)
    wanted = (given,) if given else _QUALITIES
    quality = next((name for name in wanted if name in keys), "")
    listed = (given,) if given else _BESIDE
    beside = "" if keys else next((name for name in listed if name in profile.filled), "")
    if not quality and not beside:
        raise BadRow(
            f"{column!r} lists several answers and nothing that is known says which is better "
            "(an answer "
            f"has {', '.join(keys) or 'only its text'}); name the rank or rating with {FLAG} NAME"
        )
    prompt = prompt_columns.decide(profile, (column, beside))
    layout = RankedLayout(prompt, column, quality or beside, bool(beside), pairs)
    which = (
        "every two answers are a pair"
        if pairs is Pairs.ALL
        else "the best and the worst are a pair"
    )
    better = "the lowest is the best" if _is_rank(layout.quality) else "the highest is the best"
    by = f"{layout.quality!r}"
    if layout.quality == ANNOTATIONS:
        by = f"the mean of the ratings in {by}"
    said = f"{which}, by {by}: {better}, equal ones are a tie"
    used = (*prompt.used, column, beside)
    return ReadPlan(lambda row: _read(row, layout), tuple(filter(None, used)), (said,))


def _read(row: Mapping[str, Any], layout: RankedLayout) -> Found:
    prompt = prompt_columns.read(row, layout.prompt)
    found = list(_answers(row, layout))
    rated = [one for one in found if one is not None]
    left_out = [_UNRATED] * (len(found) - len(rated))
    if len(rated) > _MAX_ANSWERS:
        raise BadRow(f"{len(rated)} answers, more than {_MAX_ANSWERS}")
    pairs = list(combinations(rated, 2))
    if layout.pairs is Pairs.BEST_WORST and pairs:
        pairs = [(max(rated, key=lambda one: one.quality), min(rated, key=lambda one: one.quality))]
    records = []
    for left, right in pairs:
        if left.text.strip() == right.text.strip():
            left_out.append(_EQUAL)
            continue
        sides = completion(left.text, layout.answers), completion(right.text, layout.answers)
        records.append(JudgedPair(prompt, *sides, (GivenLabel(_preference(left, right)),)))
    return Found(tuple(records), left_out)


def _answers(row: Mapping[str, Any], layout: RankedLayout) -> Iterator[_Answer | None]:
    given = row.get(layout.answers)
    if not isinstance(given, list):
        raise BadRow(f"{layout.answers!r} is no list of answers")
    beside = row.get(layout.quality) if layout.beside else [None] * len(given)
    if not isinstance(beside, list) or len(beside) != len(given):
        raise BadRow(f"{layout.quality!r} is no list of as many ratings as there are answers")
    for one, rating in zip(given, beside, strict=True):
        text = one
        if isinstance(one, Mapping):
            text = next((one[key] for key in _TEXTS if one.get(key) is not None), None)
            rating = one.get(layout.quality)
            if layout.quality == ANNOTATIONS:
                rating = _mean_rating(rating)
        text = any_text(text, f"an answer of {layout.answers}")
        yield (None if _is_missing(rating) else _Answer(text, _quality(rating, layout.quality)))


def _mean_rating(annotations: Any) -> float | None:
    """Returns the mean of the ratings by aspect, None where no aspect has one. Raises `BadRow`."""
    if annotations in (None, {}):
        return None
    if not isinstance(annotations, Mapping):
        raise BadRow(f"{ANNOTATIONS!r} of an answer holds no aspects with a 'Rating' each")
    ratings = []
    for aspect, given in annotations.items():
        one = given[0] if isinstance(given, list) and len(given) == 1 else given
        if not isinstance(one, Mapping) or "Rating" not in one:
            raise BadRow(f"{aspect!r} in {ANNOTATIONS!r} has no 'Rating'")
        if not _is_missing(one["Rating"]):
            ratings.append(_quality(one["Rating"], f"{ANNOTATIONS}.{aspect}"))
    return mean(ratings) if ratings else None


def _is_missing(rating: Any) -> bool:
    return rating in (None, "", "N/A") or is_nan(rating)


def _quality(rating: Any, name: str) -> float:
    try:
        number = float(rating)
    except (TypeError, ValueError) as error:
        raise BadRow(
            f"{name!r} of an answer is {str(rating)[:40]!r} instead of a number"
        ) from error
    return -number if _is_rank(name) else number


def _is_rank(name: str) -> bool:
    return "rank" in name.lower()


def _preference(left: _Answer, right: _Answer) -> Preference:
    if left.quality == right.quality:
        return Preference(Choice.TIE)
    return Preference(Choice.LEFT if left.quality > right.quality else Choice.RIGHT)
