"""The stages of a job that a person is shown, and how its phases make them up.

A stage never goes back: what a job loads after it has judged is part of learning.
"""

from collections.abc import Sequence
from enum import StrEnum

from db.models import JobKind


class Stage(StrEnum):
    """A stage of a job, in the order in which stages follow each other."""

    LOAD = "load"
    SAMPLE = "sample"
    JUDGE = "judge"
    LEARN = "learn"
    SELECT = "select"
    CHECK = "check"


ORDER = tuple(Stage)
OF_KIND: dict[JobKind, tuple[Stage, ...]] = {
    JobKind.DPO: (Stage.LOAD, Stage.LEARN, Stage.CHECK),
    JobKind.MASK_SFT: (Stage.LOAD, Stage.LEARN, Stage.CHECK),
    JobKind.REWARD_MODEL: (Stage.LOAD, Stage.LEARN, Stage.CHECK),
    JobKind.TPO: (
        Stage.LOAD, Stage.SAMPLE, Stage.JUDGE, Stage.LEARN, Stage.SELECT, Stage.CHECK,
    ),
    JobKind.PTR_DATA: (Stage.LOAD, Stage.SAMPLE, Stage.JUDGE),
    JobKind.EVALUATE: (Stage.LOAD, Stage.SAMPLE, Stage.JUDGE),
    JobKind.JUDGE: (Stage.LOAD, Stage.JUDGE),
}  # fmt: skip
"""The stages of each kind of job."""
_BEGINS = {
    "starting": Stage.LOAD,
    "loading the model": Stage.LOAD,
    "opening the judge": Stage.LOAD,
    "freezing the data": Stage.LOAD,
    "tokenising": Stage.LOAD,
    "reading stored results": Stage.LOAD,
    "choosing prompts": Stage.LOAD,
    "choosing questions": Stage.LOAD,
    "ordering by uncertainty": Stage.LOAD,
    "sampling": Stage.SAMPLE,
    "generating trajectories": Stage.SAMPLE,
    "judging": Stage.JUDGE,
    "judging finals": Stage.JUDGE,
    "freezing the pairs": Stage.JUDGE,
    "measuring a step": Stage.LEARN,
    "measuring the memory": Stage.LEARN,
    "computing the reference": Stage.LEARN,
    "training": Stage.LEARN,
    "selecting the checkpoint": Stage.SELECT,
    "publishing": Stage.CHECK,
}
"""The stage of each phase."""


def stage_of(kind: JobKind, phase: str, reached: Stage = Stage.LOAD) -> Stage:
    """Returns the stage of a phase of a job that has reached another stage before."""
    if kind is JobKind.TPO and phase == "loading the model" and reached is Stage.JUDGE:
        return Stage.LEARN
    stage = _BEGINS.get(phase, reached)
    if kind is JobKind.EVALUATE and phase not in _BEGINS:  # it says which version on what
        stage = Stage.JUDGE if " compares " in phase else Stage.SAMPLE
    return max(reached, stage, key=ORDER.index)


def durations(
    kind: JobKind, phases: Sequence[tuple[str, float]], end: float
) -> tuple[dict[Stage, float], Stage]:
    """Returns the seconds of each stage so far and the stage reached, by when the phases began."""
    spent: dict[Stage, float] = {}
    stage = Stage.LOAD
    ends = [*(at for _, at in phases[1:]), end]
    for (phase, began), ended in zip(phases, ends, strict=False):
        stage = stage_of(kind, phase, stage)
        spent[stage] = spent.get(stage, 0.0) + max(ended - began, 0.0)
    return spent, stage
