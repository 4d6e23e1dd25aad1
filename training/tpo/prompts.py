"""Chooses fresh prompts, once for a job and never sampled by another (TPO section 2.1, step 1).

The choice is stored as the job's runs. Prompts to select a checkpoint by have no runs; their ids
are stored in the job's folder::

    data/jobs/<job>/selection_prompts.json
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from db.content import prompts, rounds, samples
from db.models import Adapter, JobKind, Partition, Prompt, Run, RunMode
from db.registry import jobs
from db.storage.session import Session
from ptrapp.core.errors import NothingToLearn
from ptrapp.interchange.task_files import read_questions
from ptrapp.recipes.tpo import TpoConfig
from ptrapp.tasks.families import FAMILIES, GENERATED, HELD_OUT, problems
from ptrapp.tasks.hub import PREFIX, read_hub
from ptrapp.tasks.instructions import HELD_OUT_SETS, INSTRUCTIONS, instructions
from training.jobs import atomic_write
from training.jobs.claim import Claim

STORED = "stored"
SELECTION_SHARE = 0.2
"""Share of prompts reserved for selecting checkpoints, chosen by a hash of the prompt, so that no
job samples what another one selects by."""
_SEED_STEP = 1_000_003
"""Difference between the seeds of two jobs' generated problems."""


class NewPrompt(NamedTuple):
    """A prompt that may not be in the database yet."""

    text: str
    reference_answer: str | None
    source: str
    task: str | None = None


def choose(claim: Claim, config: TpoConfig, parent: Adapter | None) -> list[Run]:
    """Returns a run for each fresh prompt, chosen now or before an interruption.

    Raises `NothingToLearn` when no fresh prompt is left, `InputError` for an unreadable source.
    """
    with claim.database.read() as session:
        runs = samples.runs_of_job(session, claim.job_id)
    if not runs:
        _freeze(claim, config, parent, _read_source(config, claim.job_id))
        with claim.database.read() as session:
            runs = samples.runs_of_job(session, claim.job_id)
    return runs


def selection_prompts(claim: Claim) -> list[Prompt]:
    """Returns the held-out prompts of a job that chose its prompts."""
    ids = json.loads(_file(claim).read_bytes())
    with claim.database.read() as session:
        found = samples.prompts_by_id(session, ids)
    return [found[prompt_id] for prompt_id in ids]


def _freeze(
    claim: Claim, config: TpoConfig, parent: Adapter | None, new: Sequence[NewPrompt] | None
) -> None:
    """Stores the choice in one transaction, so that no two jobs choose the same prompt."""
    with claim.database.write() as session:
        jobs.record_metrics(session, claim.job_id, claim.token, 0, {})  # raises when fenced
        by = f"job {claim.job_id}"
        chosen = _Chosen(config)
        rows = (
            _train_rows(session, chosen, config.system, by)
            if new is None
            else _stored_rows(session, filter(chosen.has_room_for, new), config.system, by)
        )
        learn, select = chosen.fill(_fresh(session, rows))
        if not learn:
            raise NothingToLearn(
                f"No fresh prompt is left in {config.prompts!r}: those it has were sampled by "
                "earlier TPO jobs, or are held out. Add prompts, or set prompts to generated or "
                "instructions."
            )
        drawn = asdict(config.sampling) | {"k": config.k, "thinking": config.thinking}
        for prompt in learn:
            rounds.start_run(
                session,
                prompt.id,
                RunMode.JOB,
                drawn,
                adapter_id=parent.id if parent else None,
                job_id=claim.job_id,
            )
        ids = [prompt.id for prompt in select]
        atomic_write.write(_file(claim), json.dumps(ids).encode())
    if len(learn) < config.n_prompts:
        claim.note(
            f"Only {len(learn)} fresh prompts are left of the {config.n_prompts} asked for.",
            "warning",
        )
    if len(select) < config.n_selection:
        claim.note(
            f"Only {len(select)} held-out prompts are there to select a checkpoint by, of "
            f"{config.n_selection} asked for.",
            "warning",
        )


def _read_source(config: TpoConfig, job_id: int) -> Sequence[NewPrompt] | None:
    """Reads the source; None where it is the database itself."""
    if config.prompts == STORED:
        return None
    if config.prompts in (GENERATED, INSTRUCTIONS):
        draw = _problems if config.prompts == GENERATED else _instructions
        # First one list for all jobs, so that their checkpoints answer the same held-out prompts;
        # then the job's own. Half as many again as the hash selects on average.
        n_common = int(config.n_selection / SELECTION_SHARE) * 3 // 2
        return [
            *draw(n_common, config.seed),
            *draw(config.n_prompts * 3 // 2 + 1, config.seed + _SEED_STEP * job_id),
        ]
    if config.prompts.startswith(PREFIX):
        found = read_hub(config.prompts)
    else:
        found = read_questions(Path(config.prompts).expanduser())
    return [NewPrompt(each.prompt, each.reference_answer, each.source[-64:]) for each in found]


def _problems(n: int, seed: int) -> list[NewPrompt]:
    known = sorted(family for family in FAMILIES if family not in HELD_OUT)
    drawn = problems(n, split="train", seed=seed, families=known)
    return [NewPrompt(each.text, each.answer, "generator", each.family) for each in drawn]


def _instructions(n: int, seed: int) -> list[NewPrompt]:
    drawn = instructions(n, name=INSTRUCTIONS, seed=seed)
    return [NewPrompt(each.prompt, each.reference, "generator", INSTRUCTIONS) for each in drawn]


def _train_rows(
    session: Session, chosen: "_Chosen", system: str | None, by: str
) -> Iterator[Prompt]:
    """Yields the prompts of the database; one without a system message gets the job's."""
    for row in samples.train_prompts(session):
        if row.task in HELD_OUT | HELD_OUT_SETS or not chosen.has_room_for(row):
            continue
        if system is None or row.system is not None:
            yield row
            continue
        yield prompts.ensure_prompt(
            session,
            row.text,
            source=row.source,
            system=system,
            reference_answer=row.reference_answer,
            task=row.task,
            context=row.context,
            by=by,
        )


def _stored_rows(
    session: Session, new: Iterable[NewPrompt], system: str | None, by: str
) -> Iterator[Prompt]:
    """Yields the rows of new prompts one by one, so that only those that are read are stored."""
    for each in new:
        yield prompts.ensure_prompt(
            session,
            each.text,
            source=each.source,
            system=system,
            reference_answer=each.reference_answer,
            task=each.task,
            by=by,
        )


def _fresh(session: Session, rows: Iterable[Prompt]) -> Iterator[Prompt]:
    """Yields each row once that may be learnt from and that no TPO job has sampled."""
    seen = samples.sampled_by(session, JobKind.TPO)
    for row in rows:
        if row.partition is Partition.TRAIN and row.id not in seen:
            seen.add(row.id)
            yield row


class _Chosen:
    """Prompts to sample and prompts to select checkpoints by, as many as are asked for."""

    def __init__(self, config: TpoConfig) -> None:
        self._sizes = {False: config.n_prompts, True: config.n_selection}
        self._parts: dict[bool, list[Prompt]] = {False: [], True: []}

    def fill(self, rows: Iterator[Prompt]) -> tuple[list[Prompt], list[Prompt]]:
        """Takes both from rows that there is room for, and reads no further than it has to."""
        for row in rows:
            self._parts[self._is_held_out(row)].append(row)
            if not any(map(self._has_room, self._parts)):
                break
        return self._parts[False], self._parts[True]

    def has_room_for(self, prompt: Prompt | NewPrompt) -> bool:
        """Returns whether it would be taken now: what is not is not stored either."""
        return self._has_room(self._is_held_out(prompt))

    def _has_room(self, held_out: bool) -> bool:
        return len(self._parts[held_out]) < self._sizes[held_out]

    def _is_held_out(self, prompt: Prompt | NewPrompt) -> bool:
        """Returns whether checkpoints are selected by it, whatever system message it has."""
        if not self._sizes[True]:
            return False
        context = prompt.context if isinstance(prompt, Prompt) else ()
        digest = prompts.fingerprint(prompt.text, None, prompt.reference_answer, context)
        return int(digest[:8], 16) / 2**32 < SELECTION_SHARE


def _file(claim: Claim) -> Path:
    return claim.folder / "selection_prompts.json"
