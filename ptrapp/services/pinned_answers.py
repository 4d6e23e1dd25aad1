"""Has every version answer every pinned prompt once, in the background, while people go first.

An answer is stored whole or not at all: what a restart interrupts is asked again.
"""

import logging
import threading
from contextlib import closing
from dataclasses import replace
from typing import NamedTuple

from db.content import pins, rounds
from db.models import Adapter, Pin, RunState
from db.registry import adapters
from db.registry.servable import why_not_served
from db.storage.errors import DatabaseError
from db.storage.presence import At
from ptrapp.core.errors import EngineError, EngineUnavailable, ThriceError
from ptrapp.core.types import BASE, Completion, Policy
from ptrapp.engines.base import Priority
from ptrapp.refinement.loop import RoundFailed, RoundFinished, refine, round_seed
from ptrapp.services import run_versions
from ptrapp.services.context import AppContext
from ptrapp.services.pins import options_of
from ptrapp.services.storing import as_row

log = logging.getLogger(__name__)

POLL_S = 2.0
"""Seconds between two looks for new versions and newly pinned prompts."""


class Unanswered(NamedTuple):
    """A version and the pinned prompts that it has not answered; None is the base model."""

    version: Adapter | None
    pins: tuple[Pin, ...]


class PinAnswerer:
    """A thread that has versions answer what is pinned, a version at a time."""

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self._tried: set[tuple[int, int | None, str]] = set()
        """Attempts that failed since the start: pin, version, base model. The next start, or a
        person, has them tried again."""
        self._complete: tuple[object, ...] | None = None
        """What was stored of versions and answers when nothing was missing last."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="pinned-answers", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close_soon(self) -> None:
        """Has it end at the next token, without an answer."""
        self._stop.set()

    def close(self) -> None:
        self.close_soon()
        self._thread.join(timeout=5)

    def _watch(self) -> None:
        while not self._stop.wait(POLL_S):
            try:
                if self._context.database.presence.take(At.CHORES):  # one app does it for all
                    self.answer_missing()
            except (DatabaseError, EngineError) as error:
                log.warning("pinned prompts could not be answered: %s", error)

    def answer_missing(self) -> int:
        """Answers what is missing, oldest version first. Returns how many answers were stored."""
        model = self._context.base_model
        if not model:
            return 0
        n_stored = 0
        for missing in self._missing(model):
            if self._stop.is_set() or self._context.base_model != model:
                break
            n_stored += self._of_version(missing, model)
        return n_stored

    def _missing(self, model: str) -> list[Unanswered]:
        engine_model, data_dir = self._context.engine.model_id, self._context.settings.data_dir
        with self._context.database.read() as session:
            pinned = pins.pinned(session)
            if not pinned:
                return []
            pin_ids = [one.id for one in pinned]
            counts = adapters.count_by_status(session), pins.count_by_state(session, pin_ids)
            stored = (model, engine_model, pin_ids, *counts)
            if stored == self._complete:
                return []
            known = {
                (one.pin_id, one.adapter_id, "" if one.adapter_id else one.model): one.state
                for one in pins.answered(session, pin_ids)
            }
            versions = [None, *reversed(adapters.listing(session))]
        found = []
        for version in versions:
            if why_not_served(version, engine_model, data_dir) is None:
                adapter_id = version.id if version else None
                states = [
                    (one, known.get((one.id, adapter_id, "" if version else model)))
                    for one in pinned
                ]
                wanted = tuple(
                    one for one, state in states if self._is_wanted(one, adapter_id, model, state)
                )
                if wanted:
                    found.append(Unanswered(version, wanted))
        self._complete = None if found else stored
        return found

    def _is_wanted(
        self, one: Pin, adapter_id: int | None, model: str, state: RunState | None
    ) -> bool:
        if state is RunState.FAILED:
            return (one.id, adapter_id, model) not in self._tried
        return state is not RunState.DONE

    def _of_version(self, missing: Unanswered, model: str) -> int:
        """Loads a version and has it answer; a version that cannot be loaded says why."""
        version = missing.version
        name = version.name if version else BASE.label
        try:
            asked = run_versions.load(self._context, [name])
        except (EngineUnavailable, DatabaseError):
            raise
        except ThriceError as error:
            for one in missing.pins:
                self._store_failure(one, version, model, str(error))
            return 0
        n_stored = 0
        try:
            for one in missing.pins:
                n_stored += self._answer(one, version, asked.policies[0], model)
        finally:
            run_versions.unload(self._context, asked)
        return n_stored

    def _answer(self, one: Pin, version: Adapter | None, policy: Policy, model: str) -> bool:
        """Has a version answer one prompt. Returns whether the answer was stored."""
        try:
            completions = self._generated(one, policy)
        except EngineUnavailable:
            raise
        except EngineError as error:
            self._store_failure(one, version, model, str(error))
            return False
        if completions is None:
            return False
        options = options_of(one.settings, one.prompt.system)
        with self._context.database.write() as session:
            pin = session.get_one(Pin, one.id)
            run = pins.ensure_answer(session, pin, version.id if version else None, model)
            parent_id = None
            for index, completion in enumerate(completions):
                new = as_row(
                    completion,
                    index=index,
                    parent_id=parent_id,
                    thinking=options.thinking.at(index),
                    sampling=options.sampling,
                    seed=round_seed(options.sampling.seed, index),
                    reference_answer=one.prompt.reference_answer,
                )
                parent_id = rounds.add_round(session, run.id, new).id
            rounds.finish_run(session, run.id, RunState.DONE)
        return True

    def _generated(self, one: Pin, policy: Policy) -> list[Completion] | None:
        """Returns a version's rounds; None where the app ends first. Raises `EngineError`."""
        options = replace(options_of(one.settings, one.prompt.system), policy=policy)
        written = []
        events = refine(
            self._context.engine,
            one.prompt.text,
            int(one.settings["n"]),
            options,
            priority=Priority.JOB,
        )
        with closing(events):
            for event in events:
                if self._stop.is_set():
                    return None
                match event:
                    case RoundFinished(_, completion):
                        written.append(completion)
                    case RoundFailed(_, error):
                        raise error
        return written

    def _store_failure(self, one: Pin, version: Adapter | None, model: str, why: str) -> None:
        adapter_id = version.id if version else None
        self._tried.add((one.id, adapter_id, model))
        log.warning("pin %d: %s", one.id, why)
        with self._context.database.write() as session:
            pin = session.get_one(Pin, one.id)
            run = pins.ensure_answer(session, pin, adapter_id, model)
            rounds.finish_run(session, run.id, RunState.FAILED, why)
