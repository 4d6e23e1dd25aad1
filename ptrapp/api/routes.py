"""The HTTP routes, which pages and scripts call."""

from dataclasses import asdict
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Response
from pydantic import Field, TypeAdapter

from ptrapp.api.access import Caller, Rater, admins, readers
from ptrapp.api.answers import REFUSALS
from ptrapp.api.bodies import Body
from ptrapp.api.data_routes import add_data_routes
from ptrapp.api.errors import NEARLY_FULL_DISK
from ptrapp.api.history_routes import add_history_routes, add_pin_routes
from ptrapp.api.operations.operation import Id, add_operations
from ptrapp.api.operations.table import AGREEMENT, CAMPAIGNS, DATA, JOBS, LABELLING, MODELS
from ptrapp.api.people_routes import add_people_routes
from ptrapp.core import disk
from ptrapp.core.dialogue import REFINE_INSTRUCTION
from ptrapp.core.errors import EngineUnavailable
from ptrapp.core.people import READS
from ptrapp.core.public import in_public
from ptrapp.core.strength import IN_WORDS, STRENGTHS
from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import Choice, Sampling
from ptrapp.services import compare, jobs, play, versions
from ptrapp.services.backups.schedule import BACKUP
from ptrapp.services.board import Board, read_board
from ptrapp.services.context import AppContext
from ptrapp.services.keeping import words
from ptrapp.services.outlook import count_votes

_BOARD = TypeAdapter(Board)
LOOKS_AT_ONCE = 1
"""Runs that are read at once: whoever watches one asks several times a second, and a crowd of
watchers would otherwise be most of the threads that a vote shares the interpreter with."""


class RunBody(Body):
    """A prompt and how it is to be answered."""

    prompt: str
    mode: play.Mode = play.Mode.REFINE
    n: int = 3
    thinking: Thinking | None = None
    """Null thinks in every round, and never with a model that does not follow its format."""
    temperature: float = Sampling().temperature
    top_p: float = Sampling().top_p
    max_tokens: int = Sampling().max_tokens
    max_thought_tokens: int = Sampling().max_thought_tokens
    seed: int = 0
    reference_answer: str | None = Field(None, max_length=1000)
    system: str | None = None
    refine_instruction: str = REFINE_INSTRUCTION
    versions: tuple[str, ...] = Field((), max_length=8)
    """Versions that answer in place of the one that serves, a candidate each; mode is sample."""


class TwoRounds(Body):
    """Two round ids, left and right as on the screen."""

    left: Id
    right: Id


class ComparisonDecision(Body):
    """A vote on an offered pair, with the screen's left and right."""

    key: str = Field(max_length=64)
    outcome: Choice
    strength: int = Field(
        1, strict=True, ge=min(STRENGTHS), le=max(STRENGTHS), description=IN_WORDS
    )
    decided_ms: int | None = Field(None, ge=0, le=86_400_000)
    client: str = Field("", max_length=32)


class ServeAnyway(Body):
    """Why a version that has not passed the gate is served all the same."""

    reason: str = Field("", max_length=1000)


class Key(Body):
    key: str = Field(max_length=64)


class UndoOfVote(Key):
    run_id: Id | None = None
    """The last vote on this run is undone; null undoes the last one on any."""


class Opened(Body):
    index: int
    candidate: int = 0


def build_router(context: AppContext) -> APIRouter:
    """Returns the routes over one context. Each checks the role, except `/health` and `/me`."""
    router = APIRouter(prefix="/api/v1", responses=REFUSALS)
    add_people_routes(router, context)
    add_operations(router, context, LABELLING, "labelling")
    add_operations(router, context, CAMPAIGNS, "campaigns")
    add_operations(router, context, (*AGREEMENT, *JOBS, *MODELS, *DATA))
    add_data_routes(router, context, admins=admins)
    _add_play_routes(router, context)
    add_history_routes(router, context)
    add_pin_routes(router, context)
    _add_version_routes(router, context)

    @router.get("/health")
    def health(person: Caller) -> dict[str, Any]:
        """Whether the app is up; for readers also the served version and whether a worker runs.

        `kept` says until when everything is in the copy on the hub, where one is kept; `warning`
        what is wrong while the rest goes on.
        """
        context.database.check_files()
        if context.engine.failure:
            raise EngineUnavailable(
                f"{context.engine.failure} Until then no prompt is answered; labelling, imports "
                "and exports go on."
            )
        if person.role not in READS:
            return {}
        said = {"serving": versions.serving(context), "worker": jobs.has_worker(context)}
        if context.kept is not None:
            said["kept"] = context.kept.now.until
        trouble = (context.worker.trouble() if context.worker else "") or words.trouble(context)
        if not trouble and (why := context.troubles.get(BACKUP)):
            trouble = f"The last backup failed: {why}"
        if disk.is_nearly_full(context.settings.data_dir):
            trouble = NEARLY_FULL_DISK
        return said | {"warning": in_public(trouble)} if trouble else said

    return router


def _add_play_routes(router: APIRouter, context: AppContext) -> None:
    looks = CapacityLimiter(LOOKS_AT_ONCE)

    @router.post("/runs", status_code=201, dependencies=admins)
    def new_run(body: RunBody, rater: Rater) -> dict[str, int]:
        ask = play.RunRequest(
            body.prompt,
            body.mode,
            body.n,
            body.thinking or play.default_thinking(context),
            Sampling(
                body.temperature,
                body.top_p,
                body.max_tokens,
                body.seed,
                max_thought_tokens=body.max_thought_tokens,
            ),
            body.reference_answer,
            system=body.system,
            refine_instruction=body.refine_instruction,
            versions=body.versions,
        )
        return {"run_id": play.begin(context, ask, rater)}

    @router.get("/runs/{run_id}", dependencies=readers, response_model=dict[str, Any])
    async def run(run_id: Id, rater: Rater) -> Response:
        # written as JSON in that thread: FastAPI would check each value first, in another one
        def look() -> bytes:
            return _BOARD.dump_json(read_board(context, run_id, rater))

        content = await to_thread.run_sync(look, limiter=looks)
        return Response(content, media_type="application/json")

    @router.post("/runs/{run_id}/stop", dependencies=admins)
    def stop(run_id: Id) -> dict[str, str]:
        play.stop(context, run_id)
        return {"state": "stopping"}

    @router.post("/runs/{run_id}/watch", dependencies=admins)
    def watch(run_id: Id, body: Opened, rater: Rater) -> dict[str, str]:
        compare.watch_thought(context, rater, run_id, body.index, body.candidate)
        return {"state": "watching"}

    @router.post("/rounds/{round_id}/thought", dependencies=admins)
    def thought(round_id: Id, rater: Rater) -> dict[str, Any]:
        opened = compare.open_thought(context, rater, round_id)
        return {"round_id": opened.round_id, "thought": opened.text}

    @router.post("/comparisons", status_code=201, dependencies=admins)
    def open_pair(body: TwoRounds, rater: Rater) -> dict[str, str]:
        return {"key": compare.open_pair(context, rater, body.left, body.right)}

    @router.post("/comparisons/dismiss", dependencies=admins)
    def dismiss(body: Key, rater: Rater) -> dict[str, str]:
        compare.dismiss(context, rater, body.key)
        return {"state": "dismissed"}

    @router.post("/comparisons/judge", dependencies=admins)
    def judge(body: TwoRounds, rater: Rater) -> dict[str, str]:
        outcome, rationale = compare.let_judge_compare(
            context, body.left, body.right, told_to=rater
        )
        return {"outcome": outcome, "rationale": rationale}

    @router.post("/votes", status_code=201, dependencies=admins)
    def vote(body: ComparisonDecision, rater: Rater) -> dict[str, Any]:
        decided = compare.vote(
            context,
            rater,
            body.key,
            body.outcome,
            strength=body.strength,
            decided_ms=body.decided_ms,
            client=body.client,
        )
        return {
            "thoughts": {thought.round_id: thought.text for thought in decided.thoughts},
            "note": decided.note,
            "counts": asdict(count_votes(context)),
        }

    @router.post("/votes/undo", dependencies=admins)
    def undo(body: UndoOfVote, rater: Rater) -> dict[str, Any]:
        undone = compare.undo(context, rater, body.key, run_id=body.run_id)
        return {"undone": undone.supersedes_id if undone else None}


def _add_version_routes(router: APIRouter, context: AppContext) -> None:
    @router.get("/versions", dependencies=readers)
    def list_versions() -> list[versions.VersionView]:
        return versions.listing(context)

    @router.post("/versions/rollback", dependencies=admins)
    def roll_back() -> dict[str, str]:
        return {"serving": versions.roll_back(context)}

    @router.post("/versions/{name}/serve", dependencies=admins)
    def serve(name: str, rater: Rater, body: ServeAnyway | None = None) -> dict[str, str]:
        versions.serve(context, name, by=rater, reason=body.reason if body else "")
        return {"serving": name}
