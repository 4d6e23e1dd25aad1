"""What else could explain a gain by refining: other attempts, no thoughts, the same compute."""

from collections.abc import Sequence
from dataclasses import replace

from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import Sampling
from ptrapp.evaluation.answers import Answer, Chain, Measured
from ptrapp.evaluation.generation import RoundGenerator
from ptrapp.refinement.loop import round_seed
from ptrapp.tasks.check import is_correct
from ptrapp.tasks.datasets import Question


def swapped(writer: RoundGenerator, asked: Sequence[Question], refined: Measured) -> list[Chain]:
    """Rounds 2 … R, each shown the attempts of the next problem instead of its own.

    `asked` repeats a problem as often as it has chains. A gain that survives this is "now think",
    not refinement.
    """
    n_each = len(refined.chains) // len(refined.prompts)
    foreign = [*refined.chains[n_each:], *refined.chains[:n_each]]
    by_round = [
        _rounds(writer, asked, [chain[:index] for chain in foreign])
        for index in range(1, refined.n_rounds)
    ]
    return list(zip(*by_round, strict=True))


def thought_removed(
    writer: RoundGenerator, asked: Sequence[Question], refined: Measured
) -> list[Chain]:
    """Rounds 2 … R after the same first round, each shown responses only."""
    history = replace(writer.options.history, keep_thoughts=False)
    blind = replace(writer, options=replace(writer.options, history=history))
    begun = [chain[:1] for chain in refined.chains]
    return blind.chains(asked, refined.n_rounds - 1, begun)


def majority(
    writer: RoundGenerator, asked: Sequence[Question], rounds: int, sampling: Sampling
) -> list[Chain]:
    """Row r is the answer most of r independent first rounds agree on.

    They think wherever a later round would, so that the compute is that of refining.
    """
    never = writer.options.thinking is Thinking.NEVER
    options = replace(writer.options, thinking=Thinking.NEVER if never else Thinking.ALWAYS)
    samples = []
    for index in range(rounds):
        seed = round_seed(writer.options.sampling.seed, index)
        drawn = replace(options, sampling=replace(sampling, seed=seed))
        samples.append(_rounds(replace(writer, options=drawn), asked, [()] * len(asked)))
    return [
        tuple(_elected(answers[: r + 1], question) for r in range(rounds))
        for question, answers in zip(asked, zip(*samples, strict=True), strict=True)
    ]


def _rounds(
    writer: RoundGenerator, asked: Sequence[Question], before: Sequence[Sequence[Answer]]
) -> list[Answer]:
    """One round of all, chunk by chunk."""
    return [
        answer
        for start in range(0, len(asked), writer.chunk)
        for answer in writer.round(
            asked[start : start + writer.chunk],
            before[start : start + writer.chunk],
            offset=start,
        )
    ]


def _elected(drawn: Sequence[Answer], question: Question) -> Answer:
    """The first of the answers that most others agree with; unreadable ones have no vote."""
    numeric = any(char.isdigit() for char in question.reference_answer or "")
    stated = [_stated(answer.response, numeric) for answer in drawn]
    votes = [
        sum(bool(other.response) and is_correct(other.response, one) for other in drawn)
        if one
        else 0
        for one in stated
    ]
    return drawn[votes.index(max(votes))]


def _stated(response: str, numeric: bool) -> str:
    """What the verifier takes for the answer of `response`: the last word it would accept.

    Of a question with a number for an answer only words with a digit are looked at.

    >>> _stated("I added 2 and 3. The answer is 5.", numeric=True)
    '5.'
    """
    words = [word for word in response.split() if not numeric or any(map(str.isdigit, word))]
    return next((word for word in reversed(words) if is_correct(response, word)), "")
