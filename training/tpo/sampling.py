"""K completions of each prompt from the parent version, a prompt's all in one transaction."""

import time
from collections.abc import Sequence
from dataclasses import replace

from db.content import rounds
from db.models import Prompt, Run, RunState
from db.registry import jobs
from db.storage.session import Session
from ptrapp.core.errors import EngineError, EngineUnavailable, NothingToLearn
from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.core.types import Completion, Policy, Sampling
from ptrapp.engines.base import Engine
from ptrapp.services.storing import as_row
from training.generation.serving import answers, request
from training.jobs.claim import Claim
from training.tpo.config import TpoConfig

AT_ONCE = 512
"""Completions asked for at once: enough to fill a batch, and few enough to tokenise in a moment."""
SHOWN_CHARACTERS = 200
"""Of a malformed completion, in an error."""

Outcome = Completion | EngineError


def sample(
    claim: Claim, config: TpoConfig, engine: Engine, policy: Policy, runs: Sequence[Run]
) -> None:
    """Sample the prompts that have no completions yet; what is there is left as it is.

    Raises `StopRequested`, and `EngineUnavailable` when the engine does not answer: what was
    sampled before is kept.
    """
    began = time.monotonic()
    waiting = [(place, run) for place, run in enumerate(runs) if run.state is RunState.RUNNING]
    n_before = len(runs) - len(waiting)
    size = max(1, AT_ONCE // config.k)
    n_done = 0
    for start in range(0, len(waiting), size):
        chunk = waiting[start : start + size]
        requests = [
            request(engine, run.prompt, config.thinking, drawn, policy)
            for place, run in chunk
            for drawn in _draws(config, place)
        ]
        gathered: list[dict[int, Outcome]] = [{} for _ in chunk]
        for answer in answers(engine, requests):
            if isinstance(answer.outcome, EngineUnavailable):
                raise answer.outcome
            at, candidate = divmod(answer.place, config.k)
            gathered[at][candidate] = answer.outcome
            if len(gathered[at]) < config.k:
                continue
            n_done += 1
            left_s = (time.monotonic() - began) / n_done * (len(waiting) - n_done)
            with claim.database.write() as session:
                jobs.progress(
                    session,
                    claim.job_id,
                    claim.token,
                    phase="sampling",
                    step=n_before + n_done,
                    n_steps=len(runs),
                    eta_s=left_s,
                )
                place, run = chunk[at]
                _store(session, config, run, _draws(config, place), gathered[at])


def refuse_only_malformed(runs: Sequence[Run], fmt: ThoughtFormat, thinking: bool) -> None:
    """Raise `NothingToLearn`, with three of them, when no completion is well-formed."""
    drawn = [round_ for run in runs for round_ in run.rounds]
    if any(round_.well_formed for round_ in drawn):
        return
    if not drawn:
        reasons = {run.message for run in runs if run.message}
        raise NothingToLearn(
            f"None of the {len(runs)} prompts could be answered: {'; '.join(sorted(reasons)[:3])}"
        )
    missing = f"without the marker {fmt.response_marker!r} or empty behind it" if thinking else ""
    shown = "\n".join(f"- {round_.raw[:SHOWN_CHARACTERS]!r}" for round_ in drawn[:3])
    raise NothingToLearn(
        f"All {len(drawn)} completions (100 %) are malformed: {missing or 'they are empty'}. The "
        "model does not write in the expected form. Choose another --thought-format, raise "
        f"max_tokens, or set thinking to false. Three of them:\n{shown}"
    )


def _draws(config: TpoConfig, place: int) -> list[Sampling]:
    """How each candidate of the prompt at `place` is drawn: every one has a seed of its own."""
    first = config.sampling.seed + place * config.k
    return [replace(config.sampling, seed=first + candidate) for candidate in range(config.k)]


def _store(
    session: Session,
    config: TpoConfig,
    run: Run,
    draws: Sequence[Sampling],
    outcomes: dict[int, Outcome],
) -> None:
    prompt: Prompt = run.prompt
    failed = []
    for candidate, outcome in sorted(outcomes.items()):
        if isinstance(outcome, EngineError):
            failed.append(str(outcome))
            continue
        row = as_row(
            outcome,
            index=0,
            candidate=candidate,
            thinking=config.thinking,
            sampling=draws[candidate],
            seed=draws[candidate].seed,
            reference_answer=prompt.reference_answer,
        )
        rounds.add_round(session, run.id, row)
    state = RunState.FAILED if len(failed) == config.k else RunState.DONE
    rounds.finish_run(session, run.id, state, failed[0] if failed else None)
