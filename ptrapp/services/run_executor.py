"""Executes one run in its own thread and stores each round in a transaction of its own."""

import logging
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from db.content import rounds
from db.labelling.comparisons import reveal
from db.models import Run, RunMode, RunState
from db.storage.errors import DatabaseError
from db.storage.presence import At
from ptrapp.core.errors import EngineError
from ptrapp.core.types import Completion
from ptrapp.engines.base import Delta, Event, Failed, Finished
from ptrapp.refinement.loop import (
    RoundDelta,
    RoundEvent,
    RoundFailed,
    RoundFinished,
    RoundStarted,
    refine,
    round_seed,
    sample,
)
from ptrapp.refinement.options import RefineOptions
from ptrapp.services import run_versions
from ptrapp.services.context import AppContext, LiveRun, Slot
from ptrapp.services.run_versions import RunVersions
from ptrapp.services.storing import as_row

log = logging.getLogger(__name__)

E = TypeVar("E", RoundEvent, Event)

STOPPED = "Stopped; what was finished is kept."
AGAIN_S = 5.0
"""Seconds until the end of a run is stored again, after the database failed."""


@dataclass(slots=True)
class RunExecutor:
    """Executes one run; `parent_id` is the round stored last."""

    context: AppContext
    live: LiveRun
    row: Run
    prompt: str
    options: RefineOptions
    reference_answer: str | None
    asked: RunVersions
    """Who writes each candidate, where several versions do."""
    parent_id: int | None = None

    def execute(self) -> None:
        """Generates and stores every round; whatever happens, the run ends in a final state."""
        failure = "The run ended unexpectedly; the log says why."
        try:
            with self.context.engine.pin(self.options.policy):
                self._refine() if self.row.mode is RunMode.REFINE else self._sample()
            failure = ""
        except EngineError as error:
            failure = str(error)
        except DatabaseError as error:
            self.live.failure = failure = f"This run could not be stored: {error}"
        finally:
            end = self._outcome(failure)
            stored = self._end(*end)
            run_versions.unload(self.context, self.asked)
            if not stored:
                self._end_later(*end)

    def _refine(self) -> None:
        events = refine(self.context.engine, self.prompt, len(self.live.slots), self.options)
        for event in self._until_stopped(events):
            slot = self.live.slots[event.index]
            match event:
                case RoundStarted():
                    slot.state = "writing"
                case RoundDelta(_, delta):
                    _show(slot, delta)
                case RoundFinished(_, completion):
                    self.parent_id = self._store(
                        slot, completion, round_seed(self.options.sampling.seed, slot.index)
                    )
                case RoundFailed(_, error):
                    _fail(slot, error)

    def _sample(self) -> None:
        events = sample(
            self.context.engine,
            self.prompt,
            len(self.live.slots),
            self.options,
            policies=self.asked.policies,
        )
        for event in self._until_stopped(events):
            slot = self.live.slots[event.index]
            match event:
                case Delta():
                    _show(slot, event)
                case Finished(_, completion):
                    self._store(slot, completion, self.options.sampling.seed + slot.candidate)
                case Failed(_, error):
                    _fail(slot, error)

    def _until_stopped(self, events: Generator[E, None, None]) -> Iterator[E]:
        try:
            for event in events:
                yield event
                if self.live.stop.is_set():
                    return
        finally:
            events.close()  # cancels what is still being generated

    def _store(self, slot: Slot, completion: Completion, seed: int) -> int:
        new = as_row(
            completion,
            index=slot.index,
            candidate=slot.candidate,
            parent_id=self.parent_id,
            thinking=slot.thinking,
            sampling=self.options.sampling,
            seed=seed,
            reference_answer=self.reference_answer,
        )
        with self.context.database.write(shared=True, background=True) as session:
            stored = rounds.add_round(session, self.row.id, new)
            for rater_id, opened in list(self.live.watchers.items()):
                if (slot.index, slot.candidate) in opened:
                    reveal(session, rater_id, stored.id)
        slot.state = "stored"
        return stored.id

    def _outcome(self, failure: str) -> tuple[RunState, str | None]:
        """Returns how the run ended, and why where it ended early."""
        errors = [slot.error for slot in self.live.slots if slot.error]
        stopped = self.live.stop.is_set()
        complete = all(slot.state == "stored" for slot in self.live.slots)
        message = failure or (errors[0] if errors else None)
        if complete:
            return RunState.DONE, None
        if stopped and not message:
            return RunState.STOPPED, STOPPED
        return RunState.FAILED, message

    def _end(self, state: RunState, message: str | None) -> bool:
        """Stores the end and lets the run go. Returns whether it could be stored."""
        try:
            self._store_end(state, message)
        except DatabaseError as error:
            self.live.failure = f"This run could not be stored: {error}"
            log.error("run %d: %s", self.row.id, error)
            return False
        else:
            return True
        finally:
            self._let_go()
            self.live.ended.set()
            if not self.live.failure:  # else pages have from it what is not stored
                del self.context.live[self.row.id]

    def _store_end(self, state: RunState, message: str | None) -> None:
        with self.context.database.write(shared=True, background=True) as session:
            rounds.finish_run(session, self.row.id, state, message)

    def _end_later(self, state: RunState, message: str | None) -> None:
        """Stores the end once the database answers again; nobody else would before a start."""
        while True:
            time.sleep(AGAIN_S)
            with suppress(DatabaseError):
                return self._store_end(state, message)

    def _let_go(self) -> None:
        """Tells the other apps that nobody writes this run any more; its last row is stored."""
        try:
            self.context.database.presence.give_back(At.RUN, self.row.id)
        except DatabaseError as error:
            log.error("run %d: %s", self.row.id, error)


def _show(slot: Slot, delta: Delta) -> None:
    slot.state = "writing"
    slot.split, slot.n_tokens, slot.elapsed_s = delta.split, delta.n_tokens, delta.elapsed_s


def _fail(slot: Slot, error: EngineError) -> None:
    slot.state, slot.error = "failed", str(error)
