"""Executes one run in its own thread and stores each round in a transaction of its own."""

import logging
from collections.abc import Generator, Iterator
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
            self._end(failure)
            run_versions.unload(self.context, self.asked)

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

    def _end(self, failure: str) -> None:
        errors = [slot.error for slot in self.live.slots if slot.error]
        stopped = self.live.stop.is_set()
        complete = all(slot.state == "stored" for slot in self.live.slots)
        message = failure or (errors[0] if errors else None)
        if complete:
            state, message = RunState.DONE, None
        elif stopped and not message:
            state, message = RunState.STOPPED, STOPPED
        else:
            state = RunState.FAILED
        try:
            with self.context.database.write(shared=True, background=True) as session:
                rounds.finish_run(session, self.row.id, state, message)
        except DatabaseError as error:
            self.live.failure = f"This run could not be stored: {error}"
            log.error("run %d: %s", self.row.id, error)
        finally:
            self._let_go()
            self.live.ended.set()
            if not self.live.failure:
                del self.context.live[self.row.id]

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
