"""Rounds written for an evaluation: in chunks, malformed answers drawn again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ptrapp.core.types import History, Sampling
from ptrapp.engines.base import Engine
from ptrapp.evaluation.answers import FAILED, Answer, Chain, scored
from ptrapp.refinement.loop import refine_many
from ptrapp.refinement.options import RefineOptions
from ptrapp.tasks.datasets import Question

_AGAIN_STEP = 200_003
"""Between the seeds of two tries of an answer: farther apart than the problems of a task."""


@dataclass(frozen=True, slots=True)
class RoundGenerator:
    """Writes rounds of one policy."""

    engine: Engine
    options: RefineOptions
    resamples: int
    chunk: int
    told: Callable[[int], None]
    """Called with how many answers are finished, after each chunk; it stops the work by raising."""

    def chains(
        self, asked: Sequence[Question], rounds: int, begun: Sequence[Chain] | None = None
    ) -> list[Chain]:
        """`rounds` more rounds of each question, after those in `begun`; only new ones return."""
        chains: list[list[Answer]] = [list(chain) for chain in begun or [()] * len(asked)]
        n_begun = len(chains[0]) if chains else 0
        for start in range(0, len(asked), self.chunk):
            part = slice(start, start + self.chunk)
            for _ in range(rounds):
                answers = self.round(asked[part], chains[part], offset=start)
                for chain, answer in zip(chains[part], answers, strict=True):
                    chain.append(answer)
        return [tuple(chain[n_begun:]) for chain in chains]

    def round(
        self, asked: Sequence[Question], before: Sequence[Sequence[Answer]], *, offset: int
    ) -> list[Answer]:
        """The next round of each question, shown `before`; the first one draws at `offset`.

        Where a round before has failed there was no room for it, so there is none for the next.
        """
        answers = [FAILED] * len(asked)
        waiting = [at for at, shown in enumerate(before) if not any(one.failed for one in shown)]
        sampling = self.options.sampling
        for attempt in range(1 + (0 if sampling.greedy else self.resamples)):
            seed = sampling.seed + offset + attempt * _AGAIN_STEP
            written = self._write(
                [asked[at] for at in waiting],
                [tuple(one.as_turn() for one in before[at]) for at in waiting],
                replace(sampling, seed=seed),
            )
            for at, answer in zip(waiting, written, strict=True):
                answers[at] = answers[at].drawn_again(answer)
            waiting = [at for at in waiting if not (answers[at].well_formed or answers[at].failed)]
            if not waiting:
                break
        self.told(len(asked))
        return answers

    def _write(
        self, asked: Sequence[Question], histories: Sequence[History], sampling: Sampling
    ) -> list[Answer]:
        outcomes = refine_many(
            self.engine,
            [question.prompt for question in asked],
            1,
            replace(self.options, sampling=sampling),
            histories,
        )
        pairs = zip(asked, outcomes, strict=True)
        return [scored(chain[0], question) for question, chain in pairs]
