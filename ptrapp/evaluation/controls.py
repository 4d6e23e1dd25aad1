"""Runs controls for a gain by refining: foreign attempts, no thoughts, the same compute."""

from collections.abc import Sequence
from dataclasses import replace

from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import Sampling
from ptrapp.evaluation.answers import Answer, CellResult, Chain
from ptrapp.evaluation.generation import RoundGenerator
from ptrapp.refinement.loop import round_seed
from ptrapp.tasks.check import is_correct
from ptrapp.tasks.datasets import Question


def swapped(
    generator: RoundGenerator, asked: Sequence[Question], refined: CellResult
) -> list[Chain]:
    """Draws rounds 2 … R, each shown the attempts of the next problem instead of its own.

    `asked` repeats a problem as often as it has chains. A gain that remains is due to thinking
    again, not to refining an attempt.
    """
    n_each = len(refined.chains) // len(refined.prompts)
    foreign = [*refined.chains[n_each:], *refined.chains[:n_each]]
    by_round = [
        _rounds(generator, asked, [chain[:index] for chain in foreign])
        for index in range(1, refined.n_rounds)
    ]
    return list(zip(*by_round, strict=True))


def thought_removed(
    generator: RoundGenerator, asked: Sequence[Question], refined: CellResult
) -> list[Chain]:
    """Draws rounds 2 … R after the same first round, each shown responses only."""
    history = replace(generator.options.history, keep_thoughts=False)
    without = replace(generator, options=replace(generator.options, history=history))
    begun = [chain[:1] for chain in refined.chains]
    return without.chains(asked, refined.n_rounds - 1, begun)


def majority(
    generator: RoundGenerator, asked: Sequence[Question], rounds: int, sampling: Sampling
) -> list[Chain]:
    """Draws R first rounds; round r of a chain is the majority answer of the first r of them.

    They think wherever a later round would, so that the compute is that of refining.
    """
    never = generator.options.thinking is Thinking.NEVER
    options = replace(generator.options, thinking=Thinking.NEVER if never else Thinking.ALWAYS)
    samples = []
    for index in range(rounds):
        seed = round_seed(generator.options.sampling.seed, index)
        drawn = replace(options, sampling=replace(sampling, seed=seed))
        samples.append(_rounds(replace(generator, options=drawn), asked, [()] * len(asked)))
    return [
        tuple(_majority_answer(answers[: r + 1], question) for r in range(rounds))
        for question, answers in zip(asked, zip(*samples, strict=True), strict=True)
    ]


def _rounds(
    generator: RoundGenerator, asked: Sequence[Question], before: Sequence[Sequence[Answer]]
) -> list[Answer]:
    """Draws one round of all questions, chunk by chunk."""
    return [
        answer
        for start in range(0, len(asked), generator.chunk)
        for answer in generator.round(
            asked[start : start + generator.chunk],
            before[start : start + generator.chunk],
            offset=start,
        )
    ]


def _majority_answer(drawn: Sequence[Answer], question: Question) -> Answer:
    """Returns the first of the answers that most others equal; unreadable ones have no vote."""
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
    """Returns the answer that `response` states: the last word that the verifier would accept.

    If the answer is a number, only words with a digit are tried.

    >>> _stated("I added 2 and 3. The answer is 5.", numeric=True)
    '5.'
    """
    words = [word for word in response.split() if not numeric or any(map(str.isdigit, word))]
    return next((word for word in reversed(words) if is_correct(response, word)), "")
