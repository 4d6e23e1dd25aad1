"""The Play page: ask, watch the rounds or candidates in progress, compare any two."""

import time
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from db.storage.errors import DatabaseError
from ptrapp.core.dialogue import REFINE_INSTRUCTION
from ptrapp.core.errors import NotFound, ThriceError
from ptrapp.core.people import ADMINS, READS
from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import Sampling
from ptrapp.services import play
from ptrapp.services.board import Board, read_board
from ptrapp.services.context import AppContext
from ptrapp.services.examples import is_example
from ptrapp.services.play import LIMITS, Mode, RunRequest
from ptrapp.ui import drawing, examples
from ptrapp.ui.auth import allowed, person
from ptrapp.ui.drawing import DrawingInputs
from ptrapp.ui.widgets import widget

FRAME_S = 0.08
"""Seconds between two updates of a run in progress: smooth, and cheap on the socket."""

THINKING = [
    ("in every round", Thinking.ALWAYS.value),
    ("from round 2 on", Thinking.LATER.value),
    ("never", Thinking.NEVER.value),
]
THINKING_OF_CANDIDATES = [
    ("in every candidate", Thinking.ALWAYS.value),
    ("never", Thinking.NEVER.value),
]

DROP_REFERENCE = "(prompt, reference, of) => of && prompt !== of ? ['', ''] : [reference, of]"
"""A reference answer belongs to one exact prompt. In the browser, so that nothing overtakes it."""
OF_THIS_PROMPT = "(prompt, reference) => reference ? prompt : ''"


class Inputs(NamedTuple):
    """The components of the form, in the order in which the handler takes their values."""

    prompt: gr.Textbox
    reference: gr.Textbox
    mode: gr.Radio
    rounds: gr.Slider
    candidates: gr.Slider
    thinking: gr.Radio
    drawing: DrawingInputs

    def flat(self) -> list[Any]:
        return [*self[:-1], *self.drawing]


def build(context: AppContext, pages: gr.Blocks) -> None:
    """Builds the page's components, then wires them."""
    with gr.Row(equal_height=True):
        prompt = gr.Textbox(
            label="Prompt",
            placeholder="Ask something, or click an example below",
            lines=2,
            max_lines=12,
            scale=4,
            elem_id="prompt",
        )
        run = gr.Button("Think again", variant="primary", elem_id="run", scale=1, min_width=160)
    inputs, reference_of, honest = _inputs(context, pages, prompt)
    board = widget("board")
    honest.render()
    _wire(context, pages, inputs, reference_of, run, board)


def _inputs(
    context: AppContext, pages: gr.Blocks, prompt: gr.Textbox
) -> tuple[Inputs, gr.Textbox, gr.Markdown]:
    with gr.Row(equal_height=True):
        mode = gr.Radio(
            [
                ("Refine: rounds, each improving the last", "refine"),
                ("Sample: candidates", "sample"),
            ],
            value="refine",
            label="Mode",
            elem_id="mode",
        )
        rounds = gr.Slider(*LIMITS[Mode.REFINE], value=3, step=1, label="Rounds", elem_id="rounds")
        candidates = gr.Slider(
            *LIMITS[Mode.SAMPLE], value=4, step=1, label="Candidates", elem_id="candidates",
            visible=False,
        )  # fmt: skip
        thinking = gr.Radio(THINKING, value="always", label="Think first", elem_id="think")
    with gr.Accordion("Sampling and reference answer", open=False):
        reference = gr.Textbox(
            label="Reference answer (optional)",
            info="The correct answer: responses are checked against it",
            elem_id="reference",
        )
        drawn = drawing.build()
    reference_of = gr.Textbox(visible=False)
    honest = examples.build(context, pages, prompt, reference, reference_of)
    _keep_reference_with_its_prompt(prompt, reference, reference_of)
    return (
        Inputs(prompt, reference, mode, rounds, candidates, thinking, drawn),
        reference_of,
        honest,
    )


def _keep_reference_with_its_prompt(
    prompt: gr.Textbox, reference: gr.Textbox, reference_of: gr.Textbox
) -> None:
    """Clear the reference answer with any change of the prompt: typed, pasted, or by a script."""
    both = [reference, reference_of]
    prompt.change(None, [prompt, *both], both, js=DROP_REFERENCE, api_visibility="private")
    reference.input(
        None, [prompt, reference], reference_of, js=OF_THIS_PROMPT, api_visibility="private"
    )


def _wire(
    context: AppContext,
    pages: gr.Blocks,
    inputs: Inputs,
    reference_of: gr.Textbox,
    run: gr.Button,
    board: gr.HTML,
) -> None:
    def start(request: gr.Request, *values: Any) -> Iterator[dict[str, Any]]:
        rater = allowed(request, ADMINS).rater
        try:
            run_id = play.begin(context, _ask(*values), rater)
            yield from _watch(context, run_id, rater)
        except (ThriceError, DatabaseError) as error:
            raise gr.Error(str(error), print_exception=False) from error

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
            yield from _watch(context, run_id, rater)
        except (NotFound, DatabaseError) as error:
            gr.Warning(str(error))
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
            return _untouched(context)
        run_id = _linked(request) or play.last_run_id(context, sender.rater)
        try:
            return (
                _form(context, read_board(context, run_id, sender.rater))
                if run_id
                else _untouched(context)
            )
        except (NotFound, DatabaseError):
            return _untouched(context)

    pages.load(restore, None, inputs.flat(), queue=False, api_visibility="private").then(
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
    inputs.mode.change(
        partial(_of_mode, context),
        inputs.mode,
        [inputs.rounds, inputs.candidates, inputs.thinking, run],
        queue=False,
        api_name="_of_mode",
        api_visibility="private",
    )


def _watch(context: AppContext, run_id: int, rater: str) -> Iterator[dict[str, Any]]:
    """Yields the board of a run, whenever it has changed, until the run has ended."""
    last: Board | None = None
    while last is None or last.running:
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
) -> RunRequest:
    kind = Mode(mode)
    drawn = int(seed) if seed is not None and seed >= 0 else time.time_ns() % 2**31
    return RunRequest(
        prompt=prompt,
        mode=kind,
        n=int(rounds if kind is Mode.REFINE else candidates),
        thinking=Thinking(thinking),
        sampling=Sampling(
            temperature, top_p, int(max_tokens), drawn, max_thought_tokens=int(max_thought_tokens)
        ),
        reference_answer=(reference or "").strip() or None,
        reference_from="example" if is_example(prompt, reference) else "typed",
        system=(system or "").strip() or None,
        refine_instruction=refine_instruction,
    )


def _form(context: AppContext, board: Board) -> list[Any]:
    """Returns the inputs that would start this run again, except for its seed."""
    settings, refining = board.settings, board.mode == "refine"
    if "thinking" not in settings:  # stored by a program, not by this form
        return _untouched(context)
    choices = THINKING if refining else THINKING_OF_CANDIDATES
    thinking = gr.Radio(choices, value=settings["thinking"])
    return [
        board.prompt,
        board.reference_answer or "",
        board.mode,
        gr.Slider(value=settings["n"], visible=True) if refining else gr.Slider(visible=False),
        gr.Slider(visible=False) if refining else gr.Slider(value=settings["n"], visible=True),
        thinking,
        *drawing.stored(settings, board.system),
    ]


def _untouched(context: AppContext) -> list[Any]:
    """Returns the form as it is, with what the model that answers does by default."""
    n_fields = len(Inputs._fields) - 1 + len(DrawingInputs._fields)
    form = [gr.skip() for _ in range(n_fields)]
    form[Inputs._fields.index("thinking")] = play.default_thinking(context).value
    return form


def _linked(request: gr.Request) -> int | None:
    run_id = request.query_params.get("run", "")
    return int(run_id) if run_id.isdecimal() and len(run_id) < 16 else None


def _of_mode(context: AppContext, mode: str) -> tuple[gr.Slider, gr.Slider, gr.Radio, gr.Button]:
    refining = mode == "refine"
    thinking = play.default_thinking(context) if refining else Thinking.ALWAYS
    return (
        gr.Slider(visible=refining),
        gr.Slider(visible=not refining),
        gr.Radio(THINKING if refining else THINKING_OF_CANDIDATES, value=thinking.value),
        gr.Button("Think again" if refining else "Sample"),
    )
