"""The use cases of the Play page: start a run of rounds or candidates, stop it, load it again."""

import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum

from db.content import prompts, rounds
from db.labelling import raters
from db.models import RaterKind, Run, RunMode, RunState
from db.registry import adapters
from db.storage.presence import At
from ptrapp.core.dialogue import REFINE_INSTRUCTION, HistoryOptions, build_messages
from ptrapp.core.errors import (
    ContextTooLong,
    EngineError,
    InputError,
    NotFound,
    PromptEmpty,
    PromptTooLong,
)
from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import Policy, Sampling
from ptrapp.refinement.options import RefineOptions
from ptrapp.services import other_apps, run_versions, shares
from ptrapp.services.context import AppContext, LiveRun, Slot
from ptrapp.services.run_executor import STOPPED, RunExecutor
from ptrapp.services.run_versions import RunVersions


class Mode(StrEnum):
    REFINE = "refine"
    SAMPLE = "sample"


LIMITS = {Mode.REFINE: (1, 5), Mode.SAMPLE: (2, 8)}
"""Fewest and most rounds or candidates of one run."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A prompt and how it is to be answered."""

    prompt: str
    mode: Mode = Mode.REFINE
    n: int = 3
    """R rounds or K candidates."""
    thinking: Thinking = Thinking.ALWAYS
    sampling: Sampling = field(default_factory=Sampling)
    reference_answer: str | None = None
    reference_from: str = "program"
    """Who gave the reference answer: `typed` by a person, of an `example`, or a `program`."""
    task: str | None = None
    system: str | None = None
    """The system message before the prompt; it makes another prompt of the same question."""
    refine_instruction: str = REFINE_INSTRUCTION
    """The user turn between two rounds."""
    versions: tuple[str, ...] = ()
    """Versions that answer, a candidate each, in place of the one that serves; `base` is one."""


def default_thinking(context: AppContext) -> Thinking:
    """Returns when the model that answers thinks unless a person says otherwise."""
    try:
        return context.engine.thought_format.usual_thinking(Thinking.ALWAYS)
    except EngineError:  # no model is there yet
        return Thinking.ALWAYS


def begin(context: AppContext, ask: RunRequest, rater: str) -> int:
    """Stores the prompt and starts its run in the background. Returns the run's id.

    The policy is chosen here, for the whole trajectory. Raises `InputError`.
    """
    _check(context, ask)
    n_tokens = ask.n * ask.sampling.max_tokens
    with shares.run_of(context, rater, n_tokens):
        return _begin(context, ask, rater, n_tokens)


def _begin(context: AppContext, ask: RunRequest, rater: str, n_tokens: int) -> int:
    other_apps.follow(context)
    asked = run_versions.load(context, ask.versions)
    with ExitStack() as undo:
        undo.callback(run_versions.unload, context, asked)
        with context.database.write(shared=True) as session:
            who = raters.ensure_person(session, RaterKind.HUMAN, rater)
            prompt = prompts.ensure_prompt(
                session,
                ask.prompt.strip(),
                source="play",
                reference_answer=ask.reference_answer or None,
                task=ask.task,
                system=(ask.system or "").strip() or None,
                by=who.name,
            )
            active = adapters.active(session)
            policy = Policy(active.name if active else None)
            history = HistoryOptions(ask.refine_instruction.strip())
            options = RefineOptions(
                ask.thinking, ask.sampling, policy, system=prompt.system, history=history
            )
            run = rounds.start_run(
                session,
                prompt.id,
                RunMode(ask.mode.value),
                {"n": ask.n}
                | options.as_settings()
                | history.as_settings()
                | ({"reference_from": ask.reference_from} if ask.reference_answer else {})
                | (_versions(asked) if ask.versions else {}),
                rater_id=who.id,
                adapter_id=active.id if active else None,
            )
            # before anybody sees it: another app would take it for one whose app has ended
            context.database.presence.take(At.RUN, run.id)
        undo.pop_all()
    live = LiveRun(run.id, _slots(ask), rater=rater, n_tokens=n_tokens)
    context.live[run.id] = live
    executor = RunExecutor(context, live, run, prompt.text, options, prompt.reference_answer, asked)
    threading.Thread(target=executor.execute, name=f"run-{run.id}", daemon=True).start()
    return run.id


def _versions(asked: RunVersions) -> dict[str, list[str] | list[int | None]]:
    """Returns what a run stores of the versions that it asks."""
    return {"versions": asked.names, rounds.ADAPTER_IDS: list(asked.adapter_ids)}


def stop(context: AppContext, run_id: int) -> None:
    """Stops a run at once; finished rounds stay. Raises `NotFound`.

    One that another app writes is stopped there within a moment: it looks at the row.
    """
    if live := context.live.get(run_id):
        live.stop.set()
    elif other_apps.written_elsewhere(context, load(context, run_id)):
        with context.database.write() as session:
            rounds.finish_run(session, run_id, RunState.STOPPED, STOPPED)


def stop_all(context: AppContext, timeout_s: float = 3.0) -> None:
    """Stops every run and waits until their last rows are stored; called as the app ends."""
    for live in list(context.live.values()):
        live.stop.set()
    for live in list(context.live.values()):
        live.ended.wait(timeout_s)


def last_run_id(context: AppContext, rater: str) -> int | None:
    """Returns the id of the run that this rater started last, for a reload of the page."""
    with context.database.read() as session:
        found = raters.find_person(session, rater)
        run = rounds.last_run(session, found.id) if found else None
        return run.id if run else None


def load(context: AppContext, run_id: int) -> Run:
    """Returns a run with its rounds. Raises `NotFound`, also for one that was deleted."""
    with context.database.read() as session:
        run = rounds.load_run(session, run_id)
    if run is None:
        raise NotFound(f"There is no run {run_id}; it may belong to another database.")
    if run.deleted_at is not None:
        raise NotFound(f"Run {run_id} was deleted. History has it among the deleted, to restore.")
    return run


def _check(context: AppContext, ask: RunRequest) -> None:
    if not ask.prompt.strip():
        raise PromptEmpty("The prompt is empty. Write a question, or click one of the examples.")
    limit = context.settings.max_prompt_chars
    if len(ask.prompt) > limit:
        raise PromptTooLong(
            f"The prompt has {len(ask.prompt):,} characters; the limit is {limit:,}. Shorten it."
        )
    if not ask.refine_instruction.strip():
        raise InputError("The refine instruction is empty. Say what a later round is to do.")
    for what, text in (
        ("prompt", ask.prompt),
        ("reference answer", ask.reference_answer or ""),
        ("system message", ask.system or ""),
        ("refine instruction", ask.refine_instruction),
    ):
        if len(text) > limit:
            raise PromptTooLong(
                f"The {what} has {len(text):,} characters; the limit is {limit:,}. Shorten it."
            )
        if not _storable(text):
            raise InputError(
                f"The {what} holds a NUL or half a character, which cannot be stored. Remove it."
            )
    if ask.versions:
        _check_versions(ask)
    low, high = LIMITS[ask.mode]
    if not low <= ask.n <= high:
        what = "rounds" if ask.mode is Mode.REFINE else "candidates"
        raise InputError(f"{ask.n} {what} were asked for; choose {low} to {high}.")
    drawn = ask.sampling
    for name, value, lowest, highest in (
        ("temperature", drawn.temperature, 0, 5),
        ("top-p", drawn.top_p, 0.01, 1),
        ("max tokens", drawn.max_tokens, 1, 32_768),
        ("max thought tokens", drawn.max_thought_tokens, 1, 32_768),
        ("seed", drawn.seed, 0, 2**53),
    ):
        if not lowest <= value <= highest:
            raise InputError(f"{name} is {value}; choose {lowest} to {highest}.")
    thinking = ask.thinking.at(0)
    messages = build_messages(
        ask.prompt.strip(), (), context.engine.thought_format, thinking, system=ask.system or None
    )
    n_tokens = context.engine.count_prompt_tokens(messages, thinking)
    if n_tokens >= context.engine.context_length:
        raise ContextTooLong(
            f"The prompt is {n_tokens:,} tokens long and the model reads "
            f"{context.engine.context_length:,}, answer included. Shorten it."
        )


def _check_versions(ask: RunRequest) -> None:
    if ask.mode is not Mode.SAMPLE or ask.n != len(ask.versions):
        raise InputError(
            "Versions are compared by a candidate of each: choose mode sample, and as many "
            f"candidates as versions ({len(ask.versions)})."
        )
    if len(set(ask.versions)) < len(ask.versions):
        raise InputError("A version is named twice; name different versions.")
    if not all(_storable(name) for name in ask.versions):
        raise InputError("A version's name holds what no name has; choose one of those listed.")


def _storable(text: str) -> bool:
    return not any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in text)


def _slots(ask: RunRequest) -> list[Slot]:
    if ask.mode is Mode.REFINE:
        return [Slot(index, 0, ask.thinking.at(index)) for index in range(ask.n)]
    return [Slot(0, candidate, ask.thinking.at(0)) for candidate in range(ask.n)]
