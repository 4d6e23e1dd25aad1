"""The dialog of a new campaign: a template, what it compares, how often, and how many labels."""

from html import escape
from typing import Any, NamedTuple

import gradio as gr

from db.storage.errors import DatabaseError
from ptrapp.core.counts import counted
from ptrapp.core.errors import InputError, ThriceError
from ptrapp.core.people import ADMINS
from ptrapp.core.public import in_public
from ptrapp.services.context import AppContext
from ptrapp.services.labelling import campaigns, candidates
from ptrapp.services.labelling.campaigns import MAX_GUIDELINES, MAX_OVERLAP, CampaignPlan, Mix
from ptrapp.services.labelling.candidates import MAX_PAIRS, Source, SourceKind
from ptrapp.services.labelling.panel import Sources
from ptrapp.ui.auth import allowed

_TEMPLATES = [
    ("Siblings: candidates of one run, as DPO learns them", SourceKind.SIBLINGS),
    ("Refinement: is the next round better?", SourceKind.ADJACENT),
    ("Version against version", SourceKind.VERSIONS),
    ("Imported pairs", SourceKind.IMPORTED),
    ("Best and worst by a judge's scores", SourceKind.BEST_WORST),
    ("Any two responses to a prompt", SourceKind.RANDOM),
    ("Empty: filled from Play, or by the API", SourceKind.NONE),
]
_DIGITS = 10
"""A budget has fewer: more are more labels than a database counts."""
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_OPEN = """() => { const box = document.getElementById("campaign-new"); box.popover = "auto";
  box.setAttribute("role", "dialog"); box.setAttribute("aria-label", "New campaign"); box.showPopover();
  box.setAttribute("aria-modal", "true");
  box.onkeydown ??= (event) => {
    const { key, shiftKey, target } = event;
    // a list that is open closes first: a browser closes the dialog, too, unless this says no
    if (key === "Escape" && target.getAttribute("aria-expanded") === "true") event.preventDefault();
    if (key !== "Tab") return;
    const all = [...box.querySelectorAll("input, textarea, button, [tabindex='0']")]
      .filter((one) => one.offsetParent && !one.disabled);
    const [end, start] = shiftKey ? [all[0], all.at(-1)] : [all.at(-1), all[0]];
    if (target === end) { event.preventDefault(); start.focus(); } };
  box.querySelector("#new-name :is(input, textarea)").focus(); return ""; }"""  # noqa: E501 - a browser's own dialog
OPEN_ASKED: dict[str, Any] = {
    "fn": None,
    "js": """() => { if (new URLSearchParams(location.search).has("import"))
  document.querySelector("#campaign-open")?.click(); }""",
    "api_visibility": "private",
}
"""What follows the page's first reading: a link that names an import opens the dialog."""
_CLOSE = "() => { document.getElementById('campaign-new').hidePopover(); }"
_NOTHING_SAID = "() => ''"
_NOT_MADE = """() => "<p class='bad' role='alert'>It is not created: \
a number may be out of its range, or the server did not answer.</p>" """
_GO = "(id) => { if (id) location.assign(`campaigns?campaign=${id}`); }"


class NewInputs(NamedTuple):
    """The components of the form, in the order in which the handlers take their values."""

    name: Any
    template: Any
    aspect: Any
    versions: Any
    judge: Any
    imported: Any
    overlap: Any
    budget: Any
    max_pairs: Any
    guidelines: Any
    uncertain: Any
    uniform: Any
    again: Any
    gold: Any
    repeat: Any
    n_practice: Any
    seed: Any
    reveal: Any


def build(context: AppContext, opener: gr.Button) -> list[Any]:
    """Builds the dialog. Returns what `choices` fills: template, versions, judges and imports."""
    with gr.Column(elem_id="campaign-new"):
        gr.HTML("<h2>New campaign</h2>")
        inputs = _fields()
        made = gr.Number(visible=False, precision=0)
        with gr.Column(elem_id="campaign-new-end"):
            outlook = gr.HTML(elem_id="campaign-outlook")
            refused = gr.HTML(elem_id="campaign-refused", padding=False)
            with gr.Row():
                cancel = gr.Button("Cancel", min_width=90, size="md", elem_id="campaign-cancel")
                create = gr.Button(
                    "Create the campaign",
                    variant="primary",
                    min_width=120,
                    size="md",
                    elem_id="campaign-create",
                )

    def campaign_outlook(request: gr.Request, *values: Any) -> tuple[str, str]:
        """Says what the campaign would be; what was refused before was of other values."""
        allowed(request, ADMINS)
        try:
            return f"<p role='status'>{_outlook(context, NewInputs(*values))}</p>", ""
        except (ThriceError, DatabaseError) as error:
            return _problem(error), ""

    def campaign_make(request: gr.Request, *values: Any) -> tuple[int | None, str, Any]:
        allowed(request, ADMINS)
        try:
            return campaigns.create(context, _plan(NewInputs(*values))), "", gr.skip()
        except (ThriceError, DatabaseError) as error:
            return None, _problem(error), ""

    def campaign_template(kind: str) -> list[Any]:
        wanted = (SourceKind.VERSIONS, SourceKind.BEST_WORST, SourceKind.IMPORTED)
        return [gr.Dropdown(visible=kind == one.value) for one in wanted]

    looks = {"fn": campaign_outlook, "inputs": [*inputs], "outputs": [outlook, refused], **_QUIET}
    opener.click(None, None, [refused], js=_OPEN, **_QUIET).then(**looks)
    cancel.click(None, js=_CLOSE)
    chosen = [inputs.versions, inputs.judge, inputs.imported]
    inputs.template.input(
        campaign_template, [inputs.template], chosen, trigger_mode="always_last", **_QUIET
    ).then(**looks)
    sized = (*chosen, inputs.aspect, inputs.overlap, inputs.budget, inputs.max_pairs)
    gr.on([one.input for one in sized], trigger_mode="always_last", **looks)
    tried = create.click(None, None, [refused], js=_NOTHING_SAID, **_QUIET)
    done = tried.then(campaign_make, [*inputs], [made, refused, outlook], **_QUIET)
    done.success(None, [made], None, js=_GO)
    done.failure(None, None, [refused], js=_NOT_MADE, **_QUIET)
    return [inputs.template, *chosen]


def choices(sources: Sources, asked: str = "") -> list[Any]:
    """Returns the dropdowns with what is there to choose; `asked` is the import to begin with."""
    versions = list(sources.versions)
    imports = [(name.removeprefix("import:"), name) for name in sources.imports]
    is_there = (asked, f"import:{asked}") in imports
    first = f"import:{asked}" if is_there else imports[0][1] if imports else None
    return [
        gr.Dropdown(value=SourceKind.IMPORTED.value) if is_there else gr.skip(),
        gr.Dropdown(choices=versions, value=versions[:2] if len(versions) > 1 else []),
        gr.Dropdown(choices=list(sources.judges), value=next(iter(sources.judges), None)),
        gr.Dropdown(choices=imports, value=first, visible=is_there),
    ]


def _problem(error: Exception) -> str:
    """Returns a mistake as the dialog shows it: what Gradio says elsewhere stands behind it."""
    return f"<p class='bad' role='alert'>{escape(in_public(str(error)), quote=False)}</p>"


def _fields() -> NewInputs:
    kinds = [(words, kind.value) for words, kind in _TEMPLATES]
    name = gr.Textbox(label="Name", info="what raters see", max_length=120, elem_id="new-name")
    template = gr.Dropdown(kinds, value=SourceKind.SIBLINGS.value, label="Template")
    aspect = gr.Radio(
        [("responses", "response"), ("thoughts", "thought")], value="response", label="Compare"
    )
    versions = gr.Dropdown([], multiselect=True, max_choices=2, label="Two versions", visible=False)
    judge = gr.Dropdown([], label="Judge", visible=False)
    imported = gr.Dropdown([], label="Import", visible=False)
    with gr.Row():
        overlap = gr.Number(1, label="Labels per pair", info="2 or more: agreement")
        budget = gr.Textbox(  # an empty number of Gradio's becomes 0
            label="Budget", info="most labels in all", placeholder="no limit", max_lines=1,
            min_width=160, max_length=12,
        )  # fmt: skip
        max_pairs = gr.Number(1000, label="Most pairs", info="by chance, if more")
    guidelines = gr.Textbox(
        label="Guidelines", info="Markdown, beside every pair", lines=4, max_length=MAX_GUIDELINES
    )
    with gr.Accordion("Order, practice, reveal", open=False):
        with gr.Row():
            uncertain = _weight("Uncertain", "a judge cannot tell", 0.5)
            uniform = _weight("Uniform", "by chance", 0.5)
            again = _weight("Overlap", "labelled by others", 0)
            gold = _weight("Gold", "the answer is known", 0)
            repeat = _weight("Repeats", "sides swapped", 0)
        with gr.Row():
            n_practice = gr.Number(
                0, label="Practice pairs first", info="a program puts them in: docs/labelling.md",
                precision=0, minimum=0,
            )  # fmt: skip
            seed = gr.Number(0, label="Seed", precision=0, minimum=0)
            reveal = gr.Checkbox(False, label="Thoughts and versions after the vote")
    return NewInputs(
        name, template, aspect, versions, judge, imported, overlap, budget, max_pairs, guidelines,
        uncertain, uniform, again, gold, repeat, n_practice, seed, reveal,
    )  # fmt: skip


def _weight(label: str, info: str, value: float) -> gr.Number:
    return gr.Number(value, label=label, info=info, minimum=0, min_width=110)


def _source(given: NewInputs) -> Source:
    kind = SourceKind(given.template)
    one, other = (*(given.versions or []), "", "")[:2]
    return Source(
        kind,
        judge=(given.judge or "") if kind is SourceKind.BEST_WORST else "",
        versions=(one, other) if kind is SourceKind.VERSIONS else ("", ""),
        import_name=(given.imported or "") if kind is SourceKind.IMPORTED else "",
        max_pairs=_whole(given.max_pairs, "Most pairs", MAX_PAIRS),
        seed=int(given.seed or 0),
    )


def _plan(given: NewInputs) -> CampaignPlan:
    weights = (given.uncertain, given.uniform, given.again, given.gold, given.repeat)
    return CampaignPlan(
        name=given.name or "",
        aspect=given.aspect,
        source=_source(given),
        guidelines=given.guidelines or "",
        overlap=_whole(given.overlap, "Labels per pair", MAX_OVERLAP),
        budget=_budget(given.budget),
        mix=Mix(*(float(one or 0) for one in weights)),
        reveal=bool(given.reveal),
        n_practice=int(given.n_practice or 0),
    )


def _whole(given: float | None, what: str, most: int) -> int:
    """Returns a number that somebody typed. Raises `InputError` for one that cannot be meant."""
    if given is None or not 1 <= given <= most or given != int(given):
        raise InputError(f"{what} is a whole number from 1 to {most:,}.")
    return int(given)


def _budget(text: str | None) -> int | None:
    """Returns the most labels in all; nothing is no limit. Raises `InputError` at other words."""
    said = (text or "").strip()
    if not said:
        return None
    if not (said.isascii() and said.isdecimal() and len(said) < _DIGITS and int(said)):
        raise InputError(f"{said} is no budget: enter a number of labels, or nothing for no limit.")
    return int(said)


def _outlook(context: AppContext, given: NewInputs) -> str:
    """Returns how large the campaign would be, in words."""
    source = _source(given)
    if source.kind is SourceKind.NONE:
        return "It starts empty; add comparisons with POST /api/v1/campaigns/ID/items."
    n = candidates.preview(context, source, given.aspect)
    labels = n * _whole(given.overlap, "Labels per pair", MAX_OVERLAP)
    budget = _budget(given.budget)
    labels = labels if budget is None else min(labels, budget)
    if not n:
        return "No stored rounds form such a pair yet: sample some on Play, or import some."
    pairs = counted(n, "comparison")
    return f"The campaign would have {pairs} and need {counted(labels, 'label')}."
