"""The Play page: ask, watch the rounds or candidates in progress, compare any two."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any

import gradio as gr

from db.storage.errors import DatabaseError
from ptrapp.core.dialogue import REFINE_INSTRUCTION
from ptrapp.core.errors import InputError, NotFound, ThriceError
from ptrapp.core.people import ADMINS, READS, Person
from ptrapp.core.public import in_public
from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import BASE, Sampling
from ptrapp.services import base_models, play, versions
from ptrapp.services.board import Board, read_board
from ptrapp.services.context import AppContext
from ptrapp.services.examples import is_example
from ptrapp.services.play import LIMITS, Mode, RunRequest
from ptrapp.ui import composer, drawing, recorded
from ptrapp.ui.acting import refused
from ptrapp.ui.auth import allowed, person
from ptrapp.ui.composer import (
    AS_THE_MODEL_DOES,
    BY_VERSIONS,
    DROP_REFERENCE,
    OF_THIS_PROMPT,
    THINKING,
    THINKING_OF_A_MODEL_TO_COME,
    THINKING_OF_CANDIDATES,
    Composer,
    Inputs,
)
from ptrapp.ui.drawing import DrawingInputs
from ptrapp.ui.widgets import widget

LOOK_S = 0.1
"""Seconds between two looks whether the model is there that a prompt waits for."""
WAITS = "The model is still being loaded. Your prompt waits, and is answered when it is ready."
FRAME_S = 0.08
"""Seconds between two updates of a run in progress: smooth, and cheap on the socket."""


def build(context: AppContext, pages: gr.Blocks) -> None:
    """Builds the page's components, then wires them."""
    form = composer.build(context, pages)
    board = widget("board", prose=False, hidden=True)
    recorded.build(context, pages)
    composer.build_below(form.honest)
    _wire(context, pages, form, board)


def _wire(
    context: AppContext,
    pages: gr.Blocks,
    form: Composer,
    board: gr.HTML,
) -> None:
    inputs, reference_of, run, _ = form
    looking = Lock()

    def start(request: gr.Request, *values: Any) -> Iterator[dict[str, Any]]:
        rater = allowed(request, ADMINS).rater
        try:
            asked = _ask(*values)
            _wait_for_model(context, asked)
            if values[Inputs._fields.index("thinking")] == AS_THE_MODEL_DOES:
                asked = replace(asked, thinking=play.default_thinking(context))
            run_id = play.begin(context, asked, rater)
            yield from _watch(context, run_id, rater, looking)
        except (ThriceError, DatabaseError) as error:
            raise refused(error) from error

    def reload(request: gr.Request) -> Iterator[dict[str, Any] | None]:
        sender = person(request)
        if sender.role not in READS:
            yield None
            return
        rater = sender.rater
        run_id = _linked(request) or play.last_run_id(context, rater)
        if run_id is None:
            yield None
            return
        try:
            yield from _watch(context, run_id, rater, looking)
        except (NotFound, DatabaseError) as error:
            gr.Warning(in_public(str(error)))
            yield None

    gr.on(
        [run.click, inputs.prompt.submit],
        None,
        [inputs.prompt, inputs.reference, reference_of],
        [inputs.reference, reference_of],
        js=DROP_REFERENCE,
        api_visibility="private",
    ).then(
        start,
        inputs.flat(),
        board,
        show_progress="hidden",
        concurrency_limit=None,
        api_name="play",
    )

    def restore(request: gr.Request) -> list[Any]:
        """Puts the settings of the last run back into the form."""
        sender = person(request)
        if sender.role not in READS:
            return _untouched(context, sender)
        run_id = _linked(request) or play.last_run_id(context, sender.rater)
        try:
            return (
                _form(context, sender, read_board(context, run_id, sender.rater))
                if run_id
                else _untouched(context, sender)
            )
        except (NotFound, DatabaseError):
            return _untouched(context, sender)

    pages.load(
        restore,
        None,
        inputs.flat(),
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    ).then(
        None,
        [inputs.prompt, inputs.reference],
        reference_of,
        js=OF_THIS_PROMPT,
        api_visibility="private",
    )
    pages.load(
        reload,
        None,
        board,
        show_progress="hidden",
        concurrency_limit=None,
        api_visibility="private",
    )

    def of_mode(request: gr.Request, mode: str) -> tuple[Any, ...]:
        return _of_mode(context, person(request), mode)

    inputs.mode.change(
        of_mode,
        inputs.mode,
        [inputs.rounds, inputs.candidates, inputs.versions, inputs.thinking, run],
        queue=False,
        api_name="of_mode",
        api_visibility="private",
    )


def _wait_for_model(context: AppContext, asked: RunRequest) -> None:
    """Waits while the model is on its way, and says so; if it does not come, `begin` says why."""
    if asked.prompt.strip() and base_models.is_awaited(context):
        gr.Info(WAITS)
        while base_models.is_awaited(context):
            time.sleep(LOOK_S)


def _watch(context: AppContext, run_id: int, rater: str, looking: Lock) -> Iterator[dict[str, Any]]:
    """Yields the board of a run, whenever it has changed, until the run has ended.

    `looking` is held for a look: a crowd that watches is slower, and stands in nobody's way.
    """
    last: Board | None = None
    while last is None or last.running:
        with looking:
            board = read_board(context, run_id, rater)
        if board != last:
            yield board.as_json()
        last = board
        if board.running:
            time.sleep(FRAME_S)


def _ask(
    prompt: str,
    reference: str | None,
    mode: str,
    rounds: int,
    candidates: int,
    thinking: str,
    temperature: float,
    top_p: float,
    max_tokens: int,
    seed: int,
    max_thought_tokens: int = Sampling().max_thought_tokens,
    system: str | None = None,
    refine_instruction: str = REFINE_INSTRUCTION,
    versions: Sequence[str] = (),
) -> RunRequest:
    asked = tuple(versions or ()) if mode == BY_VERSIONS else ()
    if mode == BY_VERSIONS and len(asked) < LIMITS[Mode.SAMPLE][0]:
        raise InputError("Choose two versions or more to answer the prompt.")
    kind = Mode.SAMPLE if asked else Mode(mode)
    drawn = int(seed) if seed is not None and seed >= 0 else time.time_ns() % 2**31
    return RunRequest(
        prompt=prompt,
        mode=kind,
        n=len(asked) or int((rounds if kind is Mode.REFINE else candidates) or 0),
        thinking=Thinking.ALWAYS if thinking == AS_THE_MODEL_DOES else Thinking(thinking),
        sampling=Sampling(
            temperature, top_p, int(max_tokens), drawn, max_thought_tokens=int(max_thought_tokens)
        ),
        reference_answer=(reference or "").strip() or None,
        reference_from="example" if is_example(prompt, reference) else "typed",
        system=(system or "").strip() or None,
        refine_instruction=refine_instruction,
        versions=asked,
    )


def _form(context: AppContext, sender: Person, board: Board) -> list[Any]:
    """Returns the inputs that would start this run again, except for its seed."""
    settings = board.settings
    mode = BY_VERSIONS if settings.get("versions") else board.mode
    if "thinking" not in settings:  # stored by a program, not by this form
        return _untouched(context, sender)
    choices = THINKING if mode == Mode.REFINE.value else THINKING_OF_CANDIDATES
    n = {"value": settings["n"]}
    return [
        board.prompt,
        board.reference_answer or "",
        mode,
        gr.Number(visible=True, **n) if mode == Mode.REFINE.value else gr.Number(visible=False),
        gr.Number(visible=True, **n) if mode == Mode.SAMPLE.value else gr.Number(visible=False),
        gr.Dropdown(choices, value=settings["thinking"]),
        *drawing.stored(settings, board.system),
        _who_answers(context, sender, mode, settings.get("versions")),
    ]


def _who_answers(
    context: AppContext, sender: Person, mode: str, chosen: list[str] | None = None
) -> gr.Dropdown:
    """Returns the choice of versions, for who may see them; at first the one that answers, or where
    that is the base the newest, and the base."""
    rows = versions.listing(context) if sender.role in READS else []
    names = [one.name for one in rows if one.status != "rejected"]
    serving = versions.serving(context)
    first = [serving] if serving != BASE.label else names[:1]
    known = [name for name in chosen or first + names[-1:] if name in names]
    return gr.Dropdown(names, value=list(dict.fromkeys(known)), visible=mode == BY_VERSIONS)


def _untouched(context: AppContext, sender: Person) -> list[Any]:
    """Returns the form as it is, with what the model that answers does by default."""
    n_fields = len(Inputs._fields) - 1 + len(DrawingInputs._fields)
    form: list[Any] = [gr.skip() for _ in range(n_fields)]
    form[-1] = _who_answers(context, sender, Mode.REFINE.value)
    form[Inputs._fields.index("thinking")] = _thinks(context, refining=True)
    return form


def _thinks(context: AppContext, *, refining: bool) -> gr.Dropdown:
    """Returns the choice of when to think; at first what the model that answers does."""
    if not refining:
        return gr.Dropdown(THINKING_OF_CANDIDATES, value=Thinking.ALWAYS.value)
    if base_models.is_awaited(context):
        return gr.Dropdown(THINKING_OF_A_MODEL_TO_COME, value=AS_THE_MODEL_DOES)
    return gr.Dropdown(THINKING, value=play.default_thinking(context).value)


def _linked(request: gr.Request) -> int | None:
    run_id = request.query_params.get("run", "")
    return int(run_id) if run_id.isdecimal() and len(run_id) < 16 else None


def _of_mode(
    context: AppContext, sender: Person, mode: str
) -> tuple[gr.Number, gr.Number, gr.Dropdown, gr.Dropdown, gr.Button]:
    refining = mode == "refine"
    return (
        gr.Number(visible=refining),
        gr.Number(visible=mode == Mode.SAMPLE.value),
        _who_answers(context, sender, mode),
        _thinks(context, refining=refining),
        gr.Button({Mode.REFINE.value: "Think again", BY_VERSIONS: "Ask them"}.get(mode, "Sample")),
    )
