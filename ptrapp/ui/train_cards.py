"""The three cards of the Train page: teach it from votes, let it practise, measure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ptrapp.services.context import AppContext
from ptrapp.services.jobs import JobView
from ptrapp.services.outlook import Outlook
from ptrapp.services.training import cards as services
from ptrapp.services.training.cards import Card
from ptrapp.services.training.command import command
from ptrapp.services.training.form import (
    MEASURE,
    METHODS,
    PRACTISE,
    TEACH,
    Input,
    Method,
    method_of,
)
from ptrapp.services.training.job import estimate
from ptrapp.ui import train_drawn as drawn
from ptrapp.ui import train_fields
from ptrapp.ui.train_fields import Field, Fields

CARDS: tuple[tuple[str, str, tuple[Method, ...]], ...] = (
    ("teach", "Teach it from votes", TEACH),
    ("practise", "Let it practise", PRACTISE),
    ("measure", "Measure", MEASURE),
)
SERVED = "the version that answers"
"""What a job starts from unless another version is named."""


@dataclass(frozen=True, slots=True)
class AskedJob:
    """What a card asks for: a job of a method, from a version."""

    method: Method
    settings: dict[str, Any]
    parent: str
    """Empty is the version that answers."""


@dataclass(frozen=True, slots=True)
class CardParts:
    """The components of one card."""

    key: str
    methods: tuple[Method, ...]
    choice: Any
    parent: Any
    facts: Any
    forms: tuple[Fields, ...]
    command: Any
    button: Any
    way: Any
    problem: Any

    @property
    def fields(self) -> list[Field]:
        return [field for form in self.forms for field in form.fields]

    @property
    def inputs(self) -> list[Any]:
        return [self.choice, self.parent, *(field.component for field in self.fields)]

    @property
    def shown(self) -> list[Any]:
        """What changes with what is chosen and with what there is."""
        forms = [part for form in self.forms for part in (form.open, form.folded)]
        return [self.facts, self.command, self.button, self.way, *forms]

    def asked(self, values: Sequence[Any]) -> AskedJob:
        """Returns what the card asks for, by the values of its inputs."""
        key, parent, *entered = values
        method = METHODS[key]
        settings = method.changed(train_fields.values_of(self.fields, key, entered))
        return AskedJob(method, settings, "" if parent == SERVED else parent)


def build() -> tuple[CardParts, ...]:
    """Builds the cards beside each other."""
    with gr.Row(elem_id="train-cards"):
        return tuple(_card(*one) for one in CARDS)


def split(
    cards: Sequence[CardParts], values: Sequence[Any]
) -> Iterator[tuple[CardParts, list[Any]]]:
    """Yields each card with the values of its own inputs."""
    rest = list(values)
    for card in cards:
        n = len(card.inputs)
        yield card, rest[:n]
        rest = rest[n:]


def read(
    context: AppContext,
    cards: Sequence[CardParts],
    values: Sequence[Any],
    now: Outlook,
    *,
    may_start: bool,
) -> list[Any]:
    """Returns the values of what the cards show, in the order of their `shown`."""
    asked = [card.asked(own) for card, own in split(cards, values)]
    found = services.read_cards(context, now, [one.method.key for one in asked])
    shown: list[Any] = []
    for parts, one, card in zip(cards, asked, found, strict=True):
        shown += _shown(context, parts, one, card, may_start=may_start)
    return shown


def choosing(cards: Sequence[CardParts]) -> list[Any]:
    """Returns the components that offer versions or campaigns."""
    return [part for card in cards for part, _ in _choosing(card)]


def offered(context: AppContext, cards: Sequence[CardParts]) -> list[Any]:
    """Returns what there is to choose from, in the order of `choosing`."""
    named, campaigns = services.read_choices(context)
    choices = {None: [SERVED, *named], Input.VERSIONS: named, Input.CAMPAIGN: campaigns}
    return [gr.Dropdown(choices[kind]) for card in cards for _, kind in _choosing(card)]  # type: ignore[arg-type]


def _choosing(card: CardParts) -> Iterator[tuple[Any, Input | None]]:
    """Yields what a card chooses from versions or campaigns by; None is what it starts from."""
    yield card.parent, None
    for field in card.fields:
        if field.setting.input in (Input.VERSIONS, Input.CAMPAIGN):
            yield field.component, field.setting.input


def filled(
    context: AppContext, cards: Sequence[CardParts], query: Mapping[str, str], again: JobView | None
) -> list[Any]:
    """Returns the values of all inputs as a link asks for them, and which settings are unfolded.

    `?method=evaluate&n=100&versions=base,v1` chooses a method and suggests settings of it; without
    a method they are DPO's. `again` fills the form as an earlier job had it.
    """
    named, _ = services.read_choices(context)
    chosen = METHODS.get(query.get("method", ""))
    settings: Mapping[str, Any] = {}
    parent = SERVED
    if again is not None:
        chosen, settings = method_of(again.kind, again.settings), again.settings
        parent = again.parent
    elif suggested := _suggested(query, chosen or METHODS["dpo"], named):
        chosen, settings = chosen or METHODS["dpo"], suggested
    values: list[Any] = []
    for card in cards:
        mine = chosen if chosen in card.methods else None
        values.append(mine.key if mine else card.methods[0].key)
        values.append(parent if mine and parent in named else SERVED)
        values += [
            train_fields.filled(field.setting, settings if field.method is mine else {})
            for field in card.fields
        ]
        for form in card.forms:
            unfold = form.method is mine and any(
                one.setting.folded and one.setting.key in settings for one in form.fields
            )
            values.append(gr.Accordion(open=unfold))
    return values


def inputs_and_folds(cards: Sequence[CardParts]) -> list[Any]:
    """Returns the components whose values `filled` returns."""
    return [
        part for card in cards for part in (*card.inputs, *(form.folded for form in card.forms))
    ]


def _shown(
    context: AppContext, parts: CardParts, asked: AskedJob, card: Card, *, may_start: bool
) -> list[Any]:
    kind = asked.method.kind
    from_parent = asked.parent and card.method.key in ("dpo", "mask_sft", "evaluate")
    seconds, n_earlier = estimate(context, kind, asked.settings, card.needs.n_examples)
    can = may_start and (not card.needs.missing or bool(from_parent))
    forms = []
    for form in parts.forms:
        mine = form.method is asked.method
        has_more = any(field.setting.folded for field in form.fields)
        forms += [gr.Row(visible=mine), gr.Accordion(visible=mine and has_more)]
    return [
        drawn.facts(card, seconds, n_earlier),
        command(kind, asked.settings, asked.parent),
        gr.Button(card.button, interactive=can, variant="primary" if can else "secondary"),
        drawn.way(card),
        *forms,
    ]


def _suggested(
    query: Mapping[str, str], method: Method, versions: Collection[str]
) -> dict[str, Any]:
    """Returns what a link suggests: numbers, one of several choices, versions there are."""
    found: dict[str, Any] = {}
    for setting in method.settings:
        given = query.get(setting.key, "")
        match setting.input:
            case Input.NUMBER:
                with suppress(ValueError):
                    number = float(given)
                    found[setting.key] = int(number) if number.is_integer() else number
            case Input.VERSIONS if there := [one for one in given.split(",") if one in versions]:
                found[setting.key] = there
            case Input.CHOICE:
                of = {str(value): value for _, value in setting.choices}
                found |= {setting.key: of[given]} if given in of else {}
    return found


def _card(key: str, title: str, methods: tuple[Method, ...]) -> CardParts:
    with gr.Column(elem_classes="train-card", elem_id=f"train-{key}", min_width=320):
        gr.HTML(f"<h2>{title}</h2>", apply_default_css=False)
        choice = gr.Radio(
            [(one.label, one.key) for one in methods],
            value=methods[0].key,
            label="Method",
            container=False,
            elem_classes="train-method",
        )
        facts = gr.HTML(elem_classes="train-facts", apply_default_css=False)
        forms = tuple(train_fields.build(one, visible=one is methods[0]) for one in methods)
        parent = gr.Dropdown(
            [SERVED], value=SERVED, label="Starts from", visible=key != "measure",
            elem_id=f"train-{key}-parent",
        )  # fmt: skip
        line = gr.Textbox(
            label="The same in a terminal", interactive=False, buttons=["copy"], lines=1,
            info="after ptrapp: the app's own --data-dir and --model, if it has any",
            max_lines=3, elem_classes="train-command",
        )  # fmt: skip
        with gr.Row(elem_classes="train-act"):
            button = gr.Button(
                "…", interactive=False, elem_id=f"train-{key}-start", min_width=140, size="md"
            )
            way = gr.HTML(elem_classes="train-way-holder", apply_default_css=False)
        problem = gr.HTML(elem_id=f"train-{key}-problem", apply_default_css=False)
    return CardParts(key, methods, choice, parent, facts, forms, line, button, way, problem)
