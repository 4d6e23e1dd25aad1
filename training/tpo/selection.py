"""Selects the checkpoint with the best mean score on held-out prompts, beside its parent.

Measurements are stored, so that a resumed job continues from them::

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
from ptrapp.core.dialogue import conversation_text
from ptrapp.core.errors import EngineError, EngineUnavailable, JudgeError
from ptrapp.core.types import Choice, Completion
from ptrapp.core.types import Policy as Served
from ptrapp.engines.base import Engine
from ptrapp.judges.base import Judge, Pair, PointwiseJudge, Verdict, compare_many
from ptrapp.judges.opening import close_judge, open_judge
from ptrapp.preferences.scoring import score_candidates
from ptrapp.recipes.tpo import Malformed, TpoConfig
from ptrapp.recipes.training import Normalise
from training.generation.serving import answers, request, serving
from training.jobs import atomic_write
from training.jobs.cancelling import cancellable_wait
from training.jobs.claim import Claim
from training.loop.warnings import answers_changed_length
from training.policy.checkpoint_weights import saved_steps, saved_weights
from training.policy.model import Policy
from training.policy.publish import write_adapter

PARENT = "parent"
_POINTS = {Choice.LEFT: 0.0, Choice.RIGHT: 1.0}
"""Score against the parent's answer on the left; a tie is a half."""


@dataclass(slots=True)
class Measured:
    """One version's responses to the held-out prompts, and their scores."""

    responses: list[str]
    """Responses as a user would see them: empty where the completion was malformed or failed."""
    scores: list[float | None] | None = None
    """Scores by prompt: the judge's own, or 1, ½ or 0 against the parent of one that compares."""


@dataclass(slots=True)
class Measurements:
    """The measurements of all versions."""

    by_version: dict[str, Measured] = field(default_factory=dict)
    """Measurements of the parent and of each step, by the number of the step."""

    def means(self) -> dict[str, float]:
        """Returns the mean score of each version over the prompts on which all of them have one."""
        table = [each.scores for each in self.by_version.values() if each.scores is not None]
        rows = zip(*table, strict=True)
        shared = [index for index, row in enumerate(rows) if None not in row]
        if not shared:
            return {}
        return {
            name: fmean(score for index in shared if (score := each.scores[index]) is not None)
            for name, each in self.by_version.items()
            if each.scores is not None
        }

    def lengths(self, step: int) -> tuple[float, float, int]:
        """Returns mean characters of the parent's responses and of a step's, and of how many.

        Prompts without a response of both are left out: they say nothing of length.
        """
        versions = (self.by_version[name].responses for name in (PARENT, str(step)))
        both = [pair for pair in zip(*versions, strict=True) if all(pair)]
        if not both:
            return 0.0, 0.0, 0
        parent, own = (fmean(map(len, side)) for side in zip(*both, strict=True))
        return parent, own, len(both)


class Selected(NamedTuple):
    """The selected checkpoint."""

    weights: dict[str, Tensor]
    step: int
    means: dict[str, float]
    """Mean scores of the parent and of each step."""
    lengths: dict[str, float]
    """Mean characters of a response: the parent's, and of the selected step."""


_FILE = TypeAdapter(Measurements)


def select(
    claim: Claim,
    config: TpoConfig,
    policy: Policy,
    parent: Adapter | None,
    prompts: Sequence[Prompt],
    weights_folder: Path,
) -> Selected | None:
    """Selects among the saved checkpoints; the first of equals. None when the judge gave no score.

    Raises `StopRequested`, `EngineUnavailable` when the engine does not answer.
    """
    measurements = _read(claim)
    _free_gpu_memory(policy)
    with serving(claim, parent) as (engine, served):
        _answer_all(claim, config, policy, prompts, weights_folder, engine, served, measurements)
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
    step = max(saved_steps(weights_folder), key=lambda step: means[str(step)])
    if means[str(step)] <= means[PARENT]:
        claim.note(
            f"No checkpoint is better than its parent on the {len(prompts)} held-out prompts that "
            f"select one (a gate takes others): the best (step {step}) scores "
            f"{means[str(step)]:.3g}, the parent {means[PARENT]:.3g}.",
            "warning",
        )
    before, after, n_answered = measurements.lengths(step)
    imitates = config.nll_weight > 0 and config.nll_normalise is Normalise.TOKEN
    if warning := answers_changed_length(before, after, n_answered, imitates_tokens=imitates):
        claim.note(warning, "warning")
    lengths = {PARENT: before, "selected": after}
    return Selected(saved_weights(weights_folder, step), step, means, lengths)


def _answer_all(
    claim: Claim,
    config: TpoConfig,
    policy: Policy,
    prompts: Sequence[Prompt],
    weights_folder: Path,
    engine: Engine,
    served: Served,
    measurements: Measurements,
) -> None:
    """Lets the parent and each checkpoint answer greedily, unless their answers are stored."""
    known, steps = measurements.by_version, saved_steps(weights_folder)
    if PARENT not in known:
        claim.report("selecting the checkpoint", 0, len(steps) + 1, None)
        known[PARENT] = Measured(_responses(claim, config, engine, served, prompts))
        _write(claim, measurements)
    assert isinstance(policy.model, PeftModel), "a whole model is refused with the settings"
    for index, step in enumerate(steps, start=1):
        if str(step) in known:
            continue
        claim.report("selecting the checkpoint", index, len(steps) + 1, None)
        name = f"{claim.kind.value}-{claim.job_id:06d}-step-{step}"
        folder = (claim.folder / "selection" / name).resolve()
        rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_adapter(folder, policy.model, saved_weights(weights_folder, step), policy.base.name)
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
    enforce = config.treatment(engine.thought_format) is Malformed.ENFORCE
    requests = [
        request(engine, each, config.thinking, config.greedy, served, enforce=enforce)
        for each in prompts
    ]
    found: dict[int, Completion | EngineError] = dict(answers(engine, requests))
    for outcome in found.values():
        if isinstance(outcome, EngineUnavailable):
            raise outcome
    return [_visible_response(found[index]) for index in range(len(prompts))]


def _visible_response(outcome: Completion | EngineError) -> str:
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
    parent_responses = known[PARENT].responses
    with cancellable_wait(claim) as waiter:
        for measured in known.values():
            if measured.scores is None:
                measured.scores = [
                    waiter.run(partial(_score, judge, prompt, response, parent_response))
                    for prompt, response, parent_response in zip(
                        prompts, measured.responses, parent_responses, strict=True
                    )
                ]
                _write(claim, measurements)


def _score(judge: Judge, prompt: Prompt, response: str, parent_response: str) -> float | None:
    """Returns the judge's score of a **response**; None when it gives none."""
    question, reference = conversation_text(prompt.text, prompt.context), prompt.reference_answer
    try:
        if isinstance(judge, PointwiseJudge):
            return score_candidates(judge, question, reference, [response]).values[0]
        if response == parent_response:
            return 0.5
        (verdict,) = compare_many(judge, [Pair(question, reference, parent_response, response)])
    except (JudgeError, EngineError):
        return None
    return _POINTS.get(verdict.outcome, 0.5) if isinstance(verdict, Verdict) else None


def _free_gpu_memory(policy: Policy) -> None:
    """Moves the model to the CPU: the engine needs the GPU; saving needs only the shapes."""
    if policy.device.type != "cpu":
        policy.scorer.to("cpu")
        torch.accelerator.empty_cache()


def _read(claim: Claim) -> Measurements:
    try:
        return _FILE.validate_json((claim.folder / "selection.json").read_bytes())
    except FileNotFoundError:
        return Measurements()


def _write(claim: Claim, measurements: Measurements) -> None:
    atomic_write.write(claim.folder / "selection.json", _FILE.dump_json(measurements, indent=1))
