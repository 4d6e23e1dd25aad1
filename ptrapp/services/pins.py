"""The use cases of the time machine: pins a prompt, and reads what every version answered to it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from db.content import pins, rounds
from db.content.pins import Answered
from db.labelling import raters, run_history
from db.models import Adapter, Pin, RaterKind, Round, Run, RunMode, RunState
from db.registry import adapters
from db.registry.servable import why_not_served
from ptrapp.analysis.diff import Piece, word_diff
from ptrapp.core.dialogue import HistoryOptions
from ptrapp.core.errors import EngineUnavailable, InputError, NotFound
from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import BASE, Sampling
from ptrapp.refinement.options import RefineOptions
from ptrapp.services.context import AppContext
from ptrapp.services.play import LIMITS, Mode
from ptrapp.tasks.check import in_words

SEED = 0
"""Of every pinned answer; it is greedy, so that only the version differs."""


@dataclass(frozen=True, slots=True)
class PinBrief:
    """A pinned prompt in a list."""

    pin_id: int
    prompt: str
    n_rounds: int
    reference: str | None
    """The right answer as people read it, where it is known."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PinnedAnswer:
    """What one version answered to a pinned prompt, or why it has not."""

    version: str
    version_id: int | None
    title: str
    made_at: datetime | None
    """When the version was made; None for the base model."""
    serves: bool
    state: str
    """answered, waiting, unavailable or failed."""
    why: str = ""
    """Why there is no answer."""
    run_id: int | None = None
    responses: tuple[str, ...] = ()
    """Of the rounds in their order."""
    cut: tuple[bool, ...] = ()
    """Of each round, whether the limit of its tokens ended it."""
    marks: tuple[bool | None, ...] = ()
    """Of each round, whether it is right; None where nobody knows or the reader may not."""


@dataclass(frozen=True, slots=True)
class PinView:
    """A pinned prompt and its answers, in the order in which the versions were made."""

    pin: PinBrief
    answers: tuple[PinnedAnswer, ...]

    @property
    def n_waiting(self) -> int:
        return sum(one.state == "waiting" for one in self.answers)

    def named(self, version: str) -> PinnedAnswer | None:
        return next((one for one in self.answers if one.version == version), None)


def pin(context: AppContext, rater: str, run_id: int, n_rounds: int | None = None) -> int:
    """Pins the prompt of a run, to be asked as the run asked it. Returns the pin's id.

    `n_rounds` is how often each version is to think again; by default as often as the run, and once
    where it drew candidates. Raises `InputError`, `NotFound`, `Conflict`.
    """
    low, high = LIMITS[Mode.REFINE]
    with context.database.write() as session:
        run = rounds.load_run(session, run_id)
        if run is None or run.mode is RunMode.JOB:
            raise NotFound(f"There is no run {run_id} of a person; pin one from History.")
        n = n_rounds or (int(run.settings.get("n", 1)) if run.mode is RunMode.REFINE else 1)
        if not low <= n <= high:
            raise InputError(f"{n} rounds were asked for; choose {low} to {high}.")
        who = raters.ensure_person(session, RaterKind.HUMAN, rater)
        return pins.pin(
            session, run.prompt_id, _asked_as(run, n), who.id, context.settings.max_pins
        ).id


def unpin(context: AppContext, pin_id: int) -> None:
    """Unpins a prompt; what was answered stays stored. Raises `Missing`."""
    with context.database.write() as session:
        pins.unpin(session, pin_id)


def unpin_run(context: AppContext, run_id: int) -> None:
    """Unpins the prompt of a run. Raises `NotFound` where it is not pinned."""
    with context.database.write() as session:
        run = rounds.load_run(session, run_id)
        row = pins.of_prompt(session, run.prompt_id) if run else None
        if row is None:
            raise NotFound(f"The prompt of run {run_id} is not pinned.")
        pins.unpin(session, row.id)


def ask_again(context: AppContext, pin_id: int) -> int:
    """Has the versions that could not answer try again. Returns how many. Raises `Missing`."""
    with context.database.write() as session:
        pins.get(session, pin_id)
        return pins.ask_again(session, pin_id)


def options_of(settings: dict[str, Any], system: str | None) -> RefineOptions:
    """Returns how a pinned prompt is asked: greedy, with the lengths and thinking it was pinned
    with. The policy is the base until it is replaced."""
    drawn = Sampling()
    sampling = Sampling(
        temperature=0.0,
        seed=SEED,
        max_tokens=settings.get("max_tokens", drawn.max_tokens),
        max_thought_tokens=settings.get("max_thought_tokens", drawn.max_thought_tokens),
    )
    history = HistoryOptions.from_settings(settings)
    thinking = Thinking(settings["thinking"])
    return RefineOptions(thinking, sampling, BASE, system=system, history=history)


def listing(context: AppContext) -> list[PinBrief]:
    """Returns the pinned prompts, the newest first."""
    with context.database.read() as session:
        return [_brief(one) for one in pins.pinned(session)]


def read(context: AppContext, pin_id: int, rater: str) -> PinView:
    """Returns what `rater` may see of a pinned prompt's answers. Raises `Missing`.

    Thoughts are never among it; marks are not, of answers that the rater has a pair open of.
    """
    base_model = context.base_model or context.settings.model  # the one that is being loaded
    with context.database.read() as session:
        row = pins.get(session, pin_id)
        known = {_key(one): one for one in pins.answered(session, [pin_id])}
        run_ids = [one.run_id for one in known.values() if one.state is RunState.DONE]
        written = pins.rounds_of(session, run_ids)
        reader = raters.find_person(session, rater)
        covered = run_history.with_open_pairs(session, reader.id if reader else None, run_ids)
        versions = [None, *reversed(adapters.listing(session))]
        serving = adapters.active(session)
        served_id = serving.id if serving else None
        answers = tuple(
            _answer(context, one, known.get(_key_of(one, base_model)), written, covered, served_id)
            for one in versions
        )
        return PinView(_brief(row), answers)


def changes(before: PinnedAnswer, after: PinnedAnswer, index: int) -> list[Piece]:
    """Returns what one version's round says that another's did not; nothing without either."""
    if index < len(before.responses) and index < len(after.responses):
        return word_diff(before.responses[index], after.responses[index])
    return []


def stamp(context: AppContext) -> str:
    """Returns what differs as soon as a prompt was pinned, a pinned one was answered, or another
    version answers."""
    with context.database.read() as session:
        now = pins.pinned(session)
        known = pins.answered(session, [one.id for one in now])
        done = sum(one.state is RunState.DONE for one in known)
        serving = active.id if (active := adapters.active(session)) else 0
        return f"{[one.id for one in now]} {len(known)} {done} {serving} {context.base_model}"


def _asked_as(run: Run, n: int) -> dict[str, Any]:
    drawn = run.settings.get("sampling", {})
    told = {name: drawn[name] for name in ("max_tokens", "max_thought_tokens") if name in drawn}
    thinking = run.settings.get("thinking", Thinking.ALWAYS.value)
    history = HistoryOptions.from_settings(run.settings).as_settings()
    return {"n": n, "thinking": thinking} | told | history


def _brief(row: Pin) -> PinBrief:
    reference = in_words(row.prompt.reference_answer or "") or None
    return PinBrief(row.id, row.prompt.text, int(row.settings["n"]), reference, row.created_at)


def _key(one: Answered) -> tuple[int | None, str]:
    return (one.adapter_id, "" if one.adapter_id else one.model)


def _key_of(version: Adapter | None, base_model: str) -> tuple[int | None, str]:
    return (version.id, "") if version else (None, base_model)


def _answer(
    context: AppContext,
    version: Adapter | None,
    known: Answered | None,
    written: dict[int, list[Round]],
    covered: set[int],
    served_id: int | None,
) -> PinnedAnswer:
    waiting = PinnedAnswer(
        version=version.name if version else BASE.label,
        version_id=version.id if version else None,
        title=(version.title or "") if version else "",
        made_at=version.created_at if version else None,
        serves=(version.id if version else None) == served_id,
        state="waiting",
    )
    if known is not None and known.state is RunState.DONE:
        rows = written.get(known.run_id, [])
        hidden = known.run_id in covered
        return replace(
            waiting,
            state="answered",
            run_id=known.run_id,
            responses=tuple(row.response for row in rows),
            cut=tuple(row.finish_reason == "length" for row in rows),
            marks=tuple(None if hidden else row.correct for row in rows),
        )
    if why := _why_not(context, version):
        return replace(waiting, state="unavailable", why=why)
    if known is not None and known.state is RunState.FAILED:
        unavailable = version is not None and version.is_unavailable
        state = "unavailable" if unavailable else "failed"
        return replace(waiting, state=state, why=known.message or "")
    return waiting


def _why_not(context: AppContext, version: Adapter | None) -> str:
    try:
        return why_not_served(version, context.engine.model_id, context.settings.data_dir) or ""
    except EngineUnavailable as error:
        return str(error)


def in_order(view: PinView, names: Sequence[str]) -> list[PinnedAnswer]:
    """Returns the named versions' answers in the order in which the versions were made."""
    return [one for one in view.answers if one.version in names]
