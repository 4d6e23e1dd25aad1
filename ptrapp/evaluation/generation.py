"""Generates the rounds of an evaluation in chunks, and draws malformed answers again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ptrapp.core.types import History, Sampling
from ptrapp.engines.base import Engine
from ptrapp.evaluation.answers import FAILED, Answer, Chain, scored
from ptrapp.refinement.loop import refine_many
from ptrapp.refinement.options import RefineOptions
from ptrapp.tasks.datasets import Question

_RESAMPLE_STEP = 200_003
"""Difference of seed between two draws of an answer: greater than the problems of a task."""


@dataclass(frozen=True, slots=True)
class RoundGenerator:
    """Generates rounds of one policy."""

    engine: Engine
    options: RefineOptions
    resamples: int
    chunk: int
    report_progress: Callable[[int], None]
    """Called with the number of answers that are finished since; it may raise to stop."""

    def chains(
        self, asked: Sequence[Question], rounds: int, begun: Sequence[Chain] | None = None
    ) -> list[Chain]:
        """Draws `rounds` rounds of each question after those in `begun`; returns the new ones."""
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
        """Draws the next round of each question after `before`; `offset` shifts the seeds.

        A question fails if an earlier round failed: there was no room for that one.
        """
        answers = [FAILED] * len(asked)
        waiting = [at for at, shown in enumerate(before) if not any(one.failed for one in shown)]
        sampling, n_reported = self.options.sampling, 0

        def ended() -> None:
            nonlocal n_reported
            n_reported += 1
            self.report_progress(1)

        for attempt in range(1 + (0 if sampling.greedy else self.resamples)):
            seed = sampling.seed + offset + attempt * _RESAMPLE_STEP
            drawn = self._draw(
                [asked[at] for at in waiting],
                [tuple(one.as_turn() for one in before[at]) for at in waiting],
                replace(sampling, seed=seed),
                ended if attempt == 0 else lambda: None,
            )
            for at, answer in zip(waiting, drawn, strict=True):
                answers[at] = answers[at].drawn_again(answer)
            waiting = [at for at in waiting if not (answers[at].well_formed or answers[at].failed)]
            if not waiting:
                break
        self.report_progress(len(asked) - n_reported)
        return answers

    def _draw(
        self,
        asked: Sequence[Question],
        histories: Sequence[History],
        sampling: Sampling,
        ended: Callable[[], None],
    ) -> list[Answer]:
        outcomes = refine_many(
            self.engine,
            [question.prompt for question in asked],
            1,
            replace(self.options, sampling=sampling),
            histories,
            ended=ended,
        )
        pairs = zip(asked, outcomes, strict=True)
        return [scored(chain[0], question) for question, chain in pairs]
