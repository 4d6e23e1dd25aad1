"""Samples K completions of each prompt from the parent version, a prompt in one transaction."""

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
from ptrapp.recipes.tpo import Malformed, TpoConfig
from ptrapp.services.storing import as_row
from training.generation.serving import answers, request
from training.jobs.claim import Claim

MAX_REQUESTS = 512
"""Completions asked for at once: enough to fill a batch, and few enough to tokenise quickly."""
SHOWN_CHARACTERS = 200
"""Characters of a malformed completion that an error shows."""

Outcome = Completion | EngineError


def sample(
    claim: Claim, config: TpoConfig, engine: Engine, policy: Policy, runs: Sequence[Run]
) -> None:
    """Samples the prompts that have no completions yet; others stay as they are.

    Raises `StopRequested`, and `EngineUnavailable` when the engine does not answer; what was
    sampled before is kept.
    """
    began = time.monotonic()
    waiting = [(index, run) for index, run in enumerate(runs) if run.state is RunState.RUNNING]
    n_before = len(runs) - len(waiting)
    size = max(1, MAX_REQUESTS // config.k)
    enforce = config.treatment(engine.thought_format) is Malformed.ENFORCE
    n_done = 0
    for start in range(0, len(waiting), size):
        chunk = waiting[start : start + size]
        requests = [
            request(engine, run.prompt, config.thinking, drawn, policy, enforce=enforce)
            for index, run in chunk
            for drawn in _draws(config, index)
        ]
        gathered: list[dict[int, Outcome]] = [{} for _ in chunk]
        for answer in answers(engine, requests):
            if isinstance(answer.outcome, EngineUnavailable):
                raise answer.outcome
            number, candidate = divmod(answer.request_index, config.k)
            gathered[number][candidate] = answer.outcome
            if len(gathered[number]) < config.k:
                continue
            n_done += 1
            eta_s = (time.monotonic() - began) / n_done * (len(waiting) - n_done)
            with claim.database.write() as session:
                jobs.progress(
                    session,
                    claim.job_id,
                    claim.token,
                    phase="sampling",
                    step=n_before + n_done,
                    n_steps=len(runs),
                    eta_s=eta_s,
                )
                index, run = chunk[number]
                _store(session, config, run, _draws(config, index), gathered[number])


def refuse_only_malformed(runs: Sequence[Run], fmt: ThoughtFormat, thinking: bool) -> None:
    """Raises `NothingToLearn`, showing three completions, when none is well-formed."""
    drawn = [round_ for run in runs for round_ in run.rounds]
    if any(round_.well_formed for round_ in drawn):
        return
    if not drawn:
        reasons = {run.message for run in runs if run.message}
        raise NothingToLearn(
            f"None of the {len(runs)} prompts could be answered: {'; '.join(sorted(reasons)[:3])}"
        )
    missing = f"without the marker {fmt.response_marker!r} or empty behind it" if thinking else ""
    examples = "\n".join(f"- {round_.raw[:SHOWN_CHARACTERS]!r}" for round_ in drawn[:3])
    raise NothingToLearn(
        f"All {len(drawn)} completions (100 %) are malformed: {missing or 'they are empty'}. The "
        "model does not write in the expected form. Set malformed to enforce, choose another "
        "--thought-format, raise max_tokens and max_thought_tokens, or set thinking to false. "
        f"Three of them:\n{examples}"
    )


def _draws(config: TpoConfig, index: int) -> list[Sampling]:
    """Returns the sampling of each candidate of the prompt at `index`; each has its own seed."""
    first = config.sampling.seed + index * config.k
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
