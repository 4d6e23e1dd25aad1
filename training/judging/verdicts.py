"""A batch of comparisons to a verdict each; only this touches the judge, and it reads no database.

A judge is handed what is compared and nothing else: responses, or thoughts where a campaign is
about thoughts.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from db.labelling.judging import ToJudge
from db.models import Aspect
from ptrapp.core.dialogue import in_one
from ptrapp.core.errors import JudgeError
from ptrapp.judges.base import ByNumbers, Judge, Pair, Verdict, compare_many
from ptrapp.judges.shown import unmarked
from ptrapp.preferences.scoring import SAME, score_candidates

_OF_THOUGHTS = (
    "Two writers thought before they answered the question below. The two responses you judge are "
    "these thoughts: which one is sounder, and prepares the better answer?\n\n"
)


LONGEST = 200
"""Characters of a reason."""
_QUOTED = re.compile(r"(?<!\w)(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")(?!\w)")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Said:
    """What a judge made of a batch."""

    verdicts: list[Verdict | JudgeError]
    """One for each comparison, in their order."""
    numbers: dict[int, float] = field(default_factory=dict)
    """New ones, by round id."""


def ask(judge: Judge, batch: Sequence[ToJudge], known: Mapping[int, float]) -> Said:
    """Have a batch compared; `known` are numbers the judge has given to rounds before.

    A judge that decides by numbers is asked for each round once, however many it is compared with.
    Of two texts that are the same nobody else is asked.
    """
    if isinstance(judge, ByNumbers):
        return _by_numbers(judge, batch, known)
    shown = [_pair(each) for each in batch]
    asked = [pair for pair in shown if pair.left != pair.right]
    answers = iter(compare_many(judge, asked) if asked else ())
    return Said([SAME if pair.left == pair.right else next(answers) for pair in shown])


def _by_numbers(judge: ByNumbers, batch: Sequence[ToJudge], known: Mapping[int, float]) -> Said:
    new: dict[int, float] = {}
    errors: dict[int, JudgeError] = {}
    by_prompt = sorted(batch, key=lambda each: each.prompt_id)
    for _, group in groupby(by_prompt, key=lambda each: each.prompt_id):
        found, silent = _numbers(judge, list(group), known)
        new |= found
        errors |= silent
    numbers = {**known, **new}
    verdicts = [
        errors.get(each.left_id)
        or errors.get(each.right_id)
        or judge.decide(numbers[each.left_id], numbers[each.right_id])
        for each in batch
    ]
    return Said(verdicts, new)


def _numbers(
    judge: ByNumbers, same_prompt: Sequence[ToJudge], known: Mapping[int, float]
) -> tuple[dict[int, float], dict[int, JudgeError]]:
    """Numbers of the rounds that have none, and why some have none still."""
    sides = {each.left_id: _text(each, each.left) for each in same_prompt}
    sides |= {each.right_id: _text(each, each.right) for each in same_prompt}
    missing = [round_id for round_id in sides if round_id not in known]
    if not missing:
        return {}, {}
    first = same_prompt[0]
    question = in_one(first.prompt, first.context)
    texts = [sides[round_id] for round_id in missing]
    scores = score_candidates(judge, question, first.reference_answer, texts)
    given = dict(zip(missing, scores.values, strict=True))
    silent = [round_id for round_id, value in given.items() if value is None]
    return (
        {round_id: value for round_id, value in given.items() if value is not None},
        dict(zip(silent, scores.errors, strict=True)),
    )


def _pair(each: ToJudge) -> Pair:
    question = in_one(each.prompt, each.context)
    if each.aspect is Aspect.THOUGHT:
        question = _OF_THOUGHTS + question
    sides = (_text(each, each.left), _text(each, each.right))
    return Pair(question, each.reference_answer, *sides)


def _text(each: ToJudge, text: str) -> str:
    """A judge takes thoughts out of what it is handed: one that is to be compared must stay."""
    return unmarked(text) if each.aspect is Aspect.THOUGHT else text


def reason_of(error: JudgeError) -> str:
    """What it says of every such pair: neither what is quoted of this one, nor its numbers.

    >>> reason_of(JudgeError("The verifier needs a reference answer and 'How many?' has none."))
    'The verifier needs a reference answer and … has none.'
    """
    return _NUMBER.sub("N", _QUOTED.sub("…", str(error)))[:LONGEST]
