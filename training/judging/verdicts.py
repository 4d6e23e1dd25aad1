"""Has a judge decide a batch of comparisons; the only module that calls the judge.

It reads no database. A judge is shown what is compared and nothing else: responses, or thoughts
where a campaign is about thoughts.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from db.labelling.judging import ToJudge
from db.models import Aspect
from ptrapp.core.dialogue import conversation_text
from ptrapp.core.errors import JudgeError
from ptrapp.judges.base import Judge, Pair, ScoreBasedJudge, Verdict, compare_many
from ptrapp.judges.thought_removal import unmarked
from ptrapp.preferences.scoring import SAME, score_candidates

_OF_THOUGHTS = (
    "Two writers thought before they answered the question below. The two responses you judge are "
    "these thoughts: which one is sounder, and prepares the better answer?\n\n"
)


MAX_REASON_CHARS = 200
"""Characters of a reason."""
_QUOTED = re.compile(r"(?<!\w)(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")(?!\w)")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class JudgedBatch:
    """The judge's answers to a batch."""

    verdicts: list[Verdict | JudgeError]
    """One for each comparison, in their order."""
    scores: dict[int, float] = field(default_factory=dict)
    """New scores, by round id."""


def ask(judge: Judge, batch: Sequence[ToJudge], known: Mapping[int, float]) -> JudgedBatch:
    """Returns the judge's verdict on each comparison; `known` are scores it gave to rounds before.

    A judge that decides by scores is asked for each round once, however many it is compared with.
    Two equal texts are a tie without asking.
    """
    if isinstance(judge, ScoreBasedJudge):
        return _by_scores(judge, batch, known)
    pairs = [_pair(each) for each in batch]
    asked = [pair for pair in pairs if pair.left != pair.right]
    answers = iter(compare_many(judge, asked) if asked else ())
    return JudgedBatch([SAME if pair.left == pair.right else next(answers) for pair in pairs])


def _by_scores(
    judge: ScoreBasedJudge, batch: Sequence[ToJudge], known: Mapping[int, float]
) -> JudgedBatch:
    new: dict[int, float] = {}
    errors: dict[int, JudgeError] = {}
    by_prompt = sorted(batch, key=lambda each: each.prompt_id)
    for _, group in groupby(by_prompt, key=lambda each: each.prompt_id):
        found, failed = _new_scores(judge, list(group), known)
        new |= found
        errors |= failed
    scores = {**known, **new}
    verdicts = [
        errors.get(each.left_id)
        or errors.get(each.right_id)
        or judge.decide(scores[each.left_id], scores[each.right_id])
        for each in batch
    ]
    return JudgedBatch(verdicts, new)


def _new_scores(
    judge: ScoreBasedJudge, same_prompt: Sequence[ToJudge], known: Mapping[int, float]
) -> tuple[dict[int, float], dict[int, JudgeError]]:
    """Returns scores of the rounds that have none, and the errors of those that still have none."""
    sides = {each.left_id: _text(each, each.left) for each in same_prompt}
    sides |= {each.right_id: _text(each, each.right) for each in same_prompt}
    missing = [round_id for round_id in sides if round_id not in known]
    if not missing:
        return {}, {}
    first = same_prompt[0]
    question = conversation_text(first.prompt, first.context)
    texts = [sides[round_id] for round_id in missing]
    scores = score_candidates(judge, question, first.reference_answer, texts)
    given = dict(zip(missing, scores.values, strict=True))
    failed = [round_id for round_id, value in given.items() if value is None]
    return (
        {round_id: value for round_id, value in given.items() if value is not None},
        dict(zip(failed, scores.errors, strict=True)),
    )


def _pair(each: ToJudge) -> Pair:
    question = conversation_text(each.prompt, each.context)
    if each.aspect is Aspect.THOUGHT:
        question = _OF_THOUGHTS + question
    sides = (_text(each, each.left), _text(each, each.right))
    return Pair(question, each.reference_answer, *sides)


def _text(each: ToJudge, text: str) -> str:
    """Returns the text to compare; marks are taken off a thought, or the judge would remove it."""
    return unmarked(text) if each.aspect is Aspect.THOUGHT else text


def reason_of(error: JudgeError) -> str:
    """Returns the error's text as it is told."""
    return str(error)[:MAX_REASON_CHARS]


def kind_of(error: JudgeError) -> str:
    """Returns the error's text without quotations and numbers, equal for all pairs of one cause.

    >>> kind_of(JudgeError("The answer is 7 and not 'left'."))
    'The answer is N and not ….'
    """
    return _NUMBER.sub("N", _QUOTED.sub("…", str(error)))
