"""The checkpoint that the judge likes best on held-out prompts, its parent measured beside it.

What was measured is kept, so that a resumed job goes on where it was::

    data/jobs/<job>/selection.json     answers, then scores, of the parent and of each step
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from shutil import rmtree
from statistics import fmean
from typing import NamedTuple

import torch
from peft import PeftModel
from pydantic import TypeAdapter
from torch import Tensor

from db.models import Adapter, Prompt
from ptrapp.core.dialogue import in_one
from ptrapp.core.errors import EngineError, EngineUnavailable, JudgeError
from ptrapp.core.types import Choice, Completion
from ptrapp.core.types import Policy as Served
from ptrapp.engines.base import Engine
from ptrapp.judges.base import Judge, Pair, PointwiseJudge, Verdict, compare_many
from ptrapp.judges.opening import close_judge, open_judge
from ptrapp.preferences.scoring import score_candidates
from training.generation.serving import answers, request, serving
from training.jobs import atomic_write
from training.jobs.cancelling import cancellable_wait
from training.jobs.claim import Claim
from training.policy.checkpoint_weights import saved_steps, saved_weights
from training.policy.model import Policy
from training.policy.publish import write_adapter
from training.tpo.config import TpoConfig

PARENT = "parent"
_POINTS = {Choice.LEFT: 0.0, Choice.RIGHT: 1.0}
"""Against the parent's answer on the left; a tie is a half."""


@dataclass(slots=True)
class Measured:
    """One version on the held-out prompts."""

    responses: list[str]
    """As a user would see them: empty where the completion was malformed or failed."""
    scores: list[float | None] | None = None
    """By prompt: the judge's numbers; of a judge that compares 1, ½ or 0 against the parent's."""


@dataclass(slots=True)
class Measurements:
    by_version: dict[str, Measured] = field(default_factory=dict)
    """The parent's and each step's, by the number of the step."""

    def means(self) -> dict[str, float]:
        """Mean score of each version over the prompts on which all of them have one."""
        table = [each.scores for each in self.by_version.values() if each.scores is not None]
        rows = zip(*table, strict=True)
        shared = [place for place, row in enumerate(rows) if None not in row]
        if not shared:
            return {}
        return {
            name: fmean(score for place in shared if (score := each.scores[place]) is not None)
            for name, each in self.by_version.items()
            if each.scores is not None
        }


class Selected(NamedTuple):
    weights: dict[str, Tensor]
    step: int
    means: dict[str, float]
    """Mean scores of the parent and of each step."""


_FILE = TypeAdapter(Measurements)


def select(
    claim: Claim,
    config: TpoConfig,
    policy: Policy,
    parent: Adapter | None,
    prompts: Sequence[Prompt],
    kept: Path,
) -> Selected | None:
    """Choose among the kept checkpoints; the first of equals. None when the judge said nothing.

    Raises `StopRequested`, `EngineUnavailable` when nothing answers.
    """
    measurements = _read(claim)
    _let_go_of_memory(policy)
    with serving(claim, parent) as (engine, served):
        _answer_all(claim, config, policy, prompts, kept, engine, served, measurements)
    judge = open_judge(claim.settings)
    try:
        _score_all(claim, config, judge, prompts, measurements)
    finally:
        close_judge(judge)
    means = measurements.means()
    if not means:
        claim.note(
            f"The judge {judge.name} gave no score on the held-out prompts; the checkpoint is the "
            "one of the lowest held-out loss, or the last.",
            "warning",
        )
        return None
    step = max(saved_steps(kept), key=lambda step: means[str(step)])  # the first of equals
    if means[str(step)] <= means[PARENT]:
        claim.note(
            f"No checkpoint is better than its parent on {len(prompts)} held-out prompts: the best "
            f"(step {step}) scores {means[str(step)]:.3g}, the parent {means[PARENT]:.3g}.",
            "warning",
        )
    return Selected(saved_weights(kept, step), step, means)


def _answer_all(
    claim: Claim,
    config: TpoConfig,
    policy: Policy,
    prompts: Sequence[Prompt],
    kept: Path,
    engine: Engine,
    served: Served,
    measurements: Measurements,
) -> None:
    """Let the parent and each checkpoint answer greedily, as far as they have not."""
    known, steps = measurements.by_version, saved_steps(kept)
    if PARENT not in known:
        claim.report("selecting the checkpoint", 0, len(steps) + 1, None)
        known[PARENT] = Measured(_responses(claim, config, engine, served, prompts))
        _write(claim, measurements)
    assert isinstance(policy.model, PeftModel), "a whole model is refused with the settings"
    for place, step in enumerate(steps, start=1):
        if str(step) in known:
            continue
        claim.report("selecting the checkpoint", place, len(steps) + 1, None)
        name = f"{claim.kind.value}-{claim.job_id:06d}-step-{step}"
        folder = (claim.folder / "selection" / name).resolve()
        rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_adapter(folder, policy.model, saved_weights(kept, step), policy.base.name)
        engine.publish(name, folder)
        try:
            responses = _responses(claim, config, engine, Served(name), prompts)
        finally:
            engine.retire(name)
        rmtree(folder, ignore_errors=True)
        known[str(step)] = Measured(responses)
        _write(claim, measurements)


def _responses(
    claim: Claim, config: TpoConfig, engine: Engine, served: Served, prompts: Sequence[Prompt]
) -> list[str]:
    requests = [request(engine, p, config.thinking, config.greedy, served) for p in prompts]
    found: dict[int, Completion | EngineError] = dict(answers(engine, requests))
    for outcome in found.values():
        if isinstance(outcome, EngineUnavailable):
            raise outcome
    return [_seen(found[place]) for place in range(len(prompts))]


def _seen(outcome: Completion | EngineError) -> str:
    if isinstance(outcome, EngineError) or not outcome.split.well_formed:
        return ""
    return outcome.split.response


def _score_all(
    claim: Claim,
    config: TpoConfig,
    judge: Judge,
    prompts: Sequence[Prompt],
    measurements: Measurements,
) -> None:
    known = measurements.by_version
    against = known[PARENT].responses
    with cancellable_wait(claim) as patient:
        for measured in known.values():
            if measured.scores is None:
                measured.scores = [
                    patient.await_(partial(_score, judge, prompt, response, before))
                    for prompt, response, before in zip(
                        prompts, measured.responses, against, strict=True
                    )
                ]
                _write(claim, measurements)


def _score(judge: Judge, prompt: Prompt, response: str, before: str) -> float | None:
    """What the judge makes of a **response**; None when it cannot say."""
    question, reference = in_one(prompt.text, prompt.context), prompt.reference_answer
    try:
        if isinstance(judge, PointwiseJudge):
            return score_candidates(judge, question, reference, [response]).values[0]
        if response == before:
            return 0.5
        (said,) = compare_many(judge, [Pair(question, reference, before, response)])
    except (JudgeError, EngineError):
        return None
    return _POINTS.get(said.outcome, 0.5) if isinstance(said, Verdict) else None


def _let_go_of_memory(policy: Policy) -> None:
    """The engine needs the room on the GPU; what is still wanted of the model are its shapes."""
    if policy.device.type == "cuda":
        policy.scorer.to("cpu")
        torch.cuda.empty_cache()


def _read(claim: Claim) -> Measurements:
    try:
        return _FILE.validate_json((claim.folder / "selection.json").read_bytes())
    except FileNotFoundError:
        return Measurements()


def _write(claim: Claim, measurements: Measurements) -> None:
    atomic_write.write(claim.folder / "selection.json", _FILE.dump_json(measurements, indent=1))
