"""Routes of History and of the time machine: find, star, name, delete runs; pin prompts."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from ptrapp.api.access import Rater, admins, readers
from ptrapp.api.answers import StateNow
from ptrapp.api.bodies import Body
from ptrapp.api.operations.operation import Id
from ptrapp.services import history, pins
from ptrapp.services.context import AppContext
from ptrapp.services.history import (
    HistoryPage,
    HistoryQuery,
    ModeFilter,
    VerdictFilter,
    VotedFilter,
)
from ptrapp.services.pins import PinBrief, PinView


class RunAbout(Body):
    """What is remembered of a run; null leaves it as it is."""

    title: str | None = Field(None, max_length=history.MAX_TITLE)
    """What to call it; empty takes the name away."""
    starred: bool | None = None


class NewPin(Body):
    """A run whose prompt every version is to answer."""

    run_id: Id
    rounds: int | None = Field(None, ge=1, le=5)
    """How often each version thinks again; null is as often as the run did."""


class SearchedRuns(Body):
    """Which runs are wanted; what is left out restricts nothing."""

    text: str = Field("", max_length=history.MAX_CHARACTERS)
    """In the prompt, in a response or in the run's name."""
    version: str = Field("", max_length=64)
    """Of a round of the run; `base` is the base model."""
    mode: ModeFilter = ModeFilter.ANY
    voted: VotedFilter = VotedFilter.ANY
    verdict: VerdictFilter = VerdictFilter.ANY
    """Of the last round, or of a candidate."""
    starred: bool = False
    mine: bool = False
    deleted: bool = False
    page: int = Field(1, ge=1, le=1_000_000)


def add_history_routes(router: APIRouter, context: AppContext) -> None:
    """Adds the routes of what people asked before."""

    @router.get("/runs", dependencies=readers)
    def runs(rater: Rater, wanted: Annotated[SearchedRuns, Query()]) -> HistoryPage:
        return history.search(context, HistoryQuery(**wanted.model_dump()), rater)

    @router.post("/runs/{run_id}/about", dependencies=admins)
    def describe_run(run_id: Id, body: RunAbout) -> StateNow:
        history.describe(context, run_id, title=body.title, starred=body.starred)
        return StateNow("kept")

    @router.post("/runs/{run_id}/delete", dependencies=admins)
    def delete_run(run_id: Id) -> StateNow:
        history.delete(context, run_id)
        return StateNow("deleted")

    @router.post("/runs/{run_id}/restore", dependencies=admins)
    def restore_run(run_id: Id) -> StateNow:
        history.restore(context, run_id)
        return StateNow("restored")


def add_pin_routes(router: APIRouter, context: AppContext) -> None:
    """Adds the routes of prompts that every version answers."""

    @router.get("/pins", dependencies=readers)
    def list_pins() -> list[PinBrief]:
        return pins.listing(context)

    @router.post("/pins", status_code=201, dependencies=admins)
    def new_pin(body: NewPin, rater: Rater) -> dict[str, int]:
        return {"pin_id": pins.pin(context, rater, body.run_id, body.rounds)}

    @router.get("/pins/{pin_id}", dependencies=readers)
    def one_pin(pin_id: Id, rater: Rater) -> PinView:
        return pins.read(context, pin_id, rater)

    @router.post("/pins/{pin_id}/remove", dependencies=admins)
    def remove_pin(pin_id: Id) -> StateNow:
        pins.unpin(context, pin_id)
        return StateNow("unpinned")

    @router.post("/pins/{pin_id}/again", dependencies=admins)
    def ask_again(pin_id: Id) -> dict[str, int]:
        return {"asked": pins.ask_again(context, pin_id)}
