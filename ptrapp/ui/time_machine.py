"""The time machine of the Versions page: a pinned prompt, and what each version answered."""

from collections.abc import Sequence
from textwrap import shorten
from typing import Any, NamedTuple

import gradio as gr

from db.storage.errors import DatabaseError
from ptrapp.core.counts import counted
from ptrapp.core.errors import ThriceError
from ptrapp.core.people import ADMINS, READS
from ptrapp.services import pins
from ptrapp.services.context import AppContext
from ptrapp.services.pins import PinBrief, PinView
from ptrapp.ui import time_machine_cards as drawn
from ptrapp.ui.acting import carried_out, refused
from ptrapp.ui.arriving import ARRIVED
from ptrapp.ui.auth import allowed, person
from ptrapp.ui.corrected import corrected
from ptrapp.ui.looks import Looks

MOST_BESIDE = 4
_BESIDE, _SLIDER = "beside", "slider"
_VIEWS = [("Side by side", _BESIDE), ("By time", _SLIDER)]
_HEADING = (
    "<div class='time-heading'><h2>Time machine</h2><p>One prompt, answered by every version in "
    "the same way: what did each training change?</p></div>"
)
_LABEL_CHARS = 70
_MOST_VERSIONS = 1_000_000
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


class TimeView(NamedTuple):
    """Everything that the section shows, once as components and once as their values."""

    stamp: Any
    controls: Any
    pin: Any
    view: Any
    versions: Any
    at: Any
    round: Any
    question: Any
    cards: Any
    actions: Any
    again: Any


def build(context: AppContext, pages: gr.Blocks, looks: Looks) -> None:
    """Builds the section."""
    gr.HTML(_HEADING, apply_default_css=False)
    with gr.Row(visible=False, elem_id="time-controls") as controls:
        pin = gr.Dropdown([], label="Pinned prompt", min_width=240, elem_id="time-pin")
        view = gr.Radio(_VIEWS, value=_BESIDE, label="View", min_width=180)
        versions = gr.Dropdown(
            [], label="Versions, two to four", multiselect=True, max_choices=MOST_BESIDE,
            min_width=240, elem_id="time-versions",
        )  # fmt: skip
        at = gr.Slider(  # its end is known when it is read; no place is refused before that
            1, _MOST_VERSIONS, value=1, step=1, label="Version in order of time", visible=False,
            min_width=240, elem_id="time-at", buttons=[],
        )  # fmt: skip
        shown_round = gr.Dropdown([], label="Round", min_width=100, elem_id="time-round")
    question = gr.HTML(apply_default_css=False)
    cards = gr.HTML(drawn.EMPTY, elem_id="time-machine", apply_default_css=False)
    with gr.Row(visible=False, elem_id="time-actions") as actions:
        again = gr.Button("Try those that failed again", min_width=200, visible=False)
        remove = gr.Button("Unpin", min_width=100, elem_id="time-unpin")
    all_of_it = TimeView(
        gr.Textbox("", visible=False),
        controls,
        pin,
        view,
        versions,
        at,
        shown_round,
        question,
        cards,
        actions,
        again,
    )
    given = [pin, view, versions, at, shown_round]

    def time_read(request: gr.Request, *values: Any) -> list[Any]:
        return _read(context, request, *values)

    def stamp_of(request: gr.Request) -> str | None:
        return pins.stamp(context) if person(request).role in READS else None

    def time_pin(request: gr.Request, pin_id: int, view: str) -> list[Any]:
        return _read(context, request, pin_id, view, [], None, None)

    def time_remove(request: gr.Request, pin_id: int) -> None:
        allowed(request, ADMINS)
        carried_out(lambda: pins.unpin(context, pin_id))
        gr.Info("It is unpinned. Pinned again as it was, it has its answers again.")

    def time_again(request: gr.Request, pin_id: int) -> None:
        allowed(request, ADMINS)
        n = carried_out(lambda: pins.ask_again(context, pin_id))
        gr.Info(f"{counted(n, 'version is', 'versions are')} asked again.")

    everything: dict[str, Any] = {"outputs": [*all_of_it], **_QUIET}
    pages.load(time_read, given, **everything).then(**ARRIVED)
    pin.input(time_pin, [pin, view], trigger_mode="always_last", **everything)
    gr.on(
        [view.input, versions.input, at.input, shown_round.input],
        time_read,
        given,
        trigger_mode="always_last",
        **everything,
    )
    looks.add_stamp(all_of_it.stamp, stamp_of).change(time_read, given, **everything)
    remove.click(time_remove, [pin], None, **_QUIET).success(time_read, given, **everything)
    again.click(time_again, [pin], None, **_QUIET).success(time_read, given, **everything)


def _read(
    context: AppContext,
    request: gr.Request,
    pin_id: int | None,
    view: str,
    names: Sequence[str],
    at: float | None,
    shown_round: int | None,
) -> list[Any]:
    """Returns the values of the whole section for who may read it, and else nothing."""
    sender = person(request)
    if sender.role not in READS:
        return [gr.skip()] * len(TimeView._fields)
    try:
        stamp = pins.stamp(context)
        pinned = pins.listing(context)
        known = [one.pin_id for one in pinned]
        chosen = pin_id if pin_id in known else (known[0] if known else None)
        found = pins.read(context, chosen, sender.rater) if chosen else None
    except (ThriceError, DatabaseError) as error:
        raise refused(error) from error
    if found is None:
        return _nothing(stamp)
    asked = (pin_id, list(names or ()), at, shown_round)
    return [*_shown(stamp, pinned, found, view, asked, sender.role in ADMINS)]


def _nothing(stamp: str) -> list[Any]:
    away = gr.Row(visible=False)
    kept: list[Any] = [gr.skip()] * 5
    return [stamp, away, *kept, "", drawn.EMPTY, away, gr.Button(visible=False)]


def _shown(
    stamp: str,
    pinned: list[PinBrief],
    found: PinView,
    view: str,
    asked: tuple[int | None, list[str], float | None, int | None],
    may_change: bool,
) -> TimeView:
    """Returns what is shown; what was `asked` for is prompt, versions, place in time and round."""
    pin_id, names, at, shown_round = asked
    n = len(found.answers)
    there = [name for name in names if found.named(name)] or _first(found)
    last = found.pin.n_rounds - 1
    index = shown_round if shown_round is not None and shown_round <= last else last
    beside = view != _SLIDER
    place = min(int((None if beside else at) or n), n) - 1  # the slider begins at the newest
    here = found.answers[place]
    choices = [(shorten(one.prompt, _LABEL_CHARS, placeholder="…"), one.pin_id) for one in pinned]
    failed = any(one.state in ("failed", "unavailable") and one.why for one in found.answers)
    cards = (
        drawn.beside(pins.in_order(found, there), index)
        if beside
        else drawn.at_one(found, place, index)
    )
    return TimeView(
        stamp,
        gr.Row(visible=True),
        gr.Dropdown(choices, **corrected(pin_id, found.pin.pin_id)),
        gr.skip(),
        gr.Dropdown([one.version for one in found.answers], visible=beside,
                    **corrected(names, there)),
        gr.Slider(maximum=max(n, 2), visible=not beside, **corrected(at, place + 1),
                  label=f"Version in order of time: {here.version}"),
        gr.Dropdown([(f"Round {n + 1}", n) for n in range(last + 1)],
                    **corrected(shown_round, index)),
        drawn.question(found),
        cards,
        gr.Row(visible=may_change),
        gr.Button(visible=failed),
    )  # fmt: skip


def _first(found: PinView) -> list[str]:
    """Returns what is compared at first: the base, the version that answers, and the newest two."""
    every = found.answers
    serving = [one for one in every if one.serves]
    wanted = {one.version for one in (*every[:1], *serving, *every[-2:])}
    return [one.version for one in every if one.version in wanted]
