"""The Label page: one comparison a screen, which its widget reads from routes, and the home page of
who labels: what is left, how fast, how well, how many days in a row."""

from html import escape

import gradio as gr

from db.storage.errors import DatabaseError
from ptrapp.analysis.estimates import Estimate
from ptrapp.core.counts import counted
from ptrapp.core.people import ADMINS, LABELS
from ptrapp.core.public import in_public
from ptrapp.services.context import AppContext
from ptrapp.services.labelling.campaigns import CampaignView
from ptrapp.services.labelling.overview import duration
from ptrapp.services.labelling.own_work import OwnWork, read_own
from ptrapp.ui.agreement_drawn import in_words
from ptrapp.ui.auth import person
from ptrapp.ui.widgets import widget


def build(context: AppContext, pages: gr.Blocks) -> None:
    """Builds the page.

    Its widget has no value: everybody receives the configuration of a page, but a comparison is
    for one person.
    """
    home = gr.HTML(elem_id="label-home", apply_default_css=False)
    widget("label")

    def label_home(request: gr.Request) -> str:
        """Returns the home page; nothing where the widget opens a campaign at once."""
        who = person(request)
        if who.role not in LABELS:
            return ""
        try:
            work = read_own(context, who)
        except DatabaseError as error:
            return f"<p role='alert'>{escape(in_public(str(error)))}</p>"
        query = dict(request.request.query_params) if request.request else {}
        asked = query.get("campaign")
        if asked or (asked is None and len(work.queues) == 1):
            return ""
        return drawn(work, may_make=who.role in ADMINS)

    pages.load(label_home, None, home, show_progress="hidden", api_visibility="private")


def drawn(work: OwnWork, *, may_make: bool) -> str:
    """Returns the home page as HTML."""
    if not work.queues:
        make = "Make one on the <a href='campaigns'>Campaigns page</a>." if may_make else ""
        said = f"No campaign is open at the moment, so there is nothing to label. {make}"
        return f"<h1>Label</h1><p>{said}</p>{_figures(work)}"
    queues = "".join(_queue(one, work.seconds_each) for one in work.queues)
    return (
        "<h1>Label</h1><p>Which of two responses is better? One key or one tap answers.</p>"
        f"{_figures(work)}<ul class='label-queues label-campaigns'>{queues}</ul>"
    )


def _queue(one: CampaignView, seconds_each: float | None) -> str:
    done, left = one.n_done_by_me, one.n_left_for_me
    time = f" · about {duration(left * seconds_each)}" if left and seconds_each else ""
    said = f"{done:,} of {done + left:,} by you{time}" if left else f"{done:,} by you, none left"
    due = f" · due {escape(one.deadline[:10])}" if one.deadline else ""
    press = "Go on" if done else "Begin"
    link = f"label?campaign={one.id}"
    name = escape(one.name)
    button = f"<a class='btn' href='{link}' aria-label='{press}: {name}'>{press}</a>"
    return (
        f"<li><h2>{name}</h2><progress max='{max(1, done + left)}' value='{done}' "
        f"aria-label='Done in {name}'></progress><p>{said}{due}</p>{button if left else ''}</li>"
    )


def _figures(work: OwnWork) -> str:
    """Returns what is known of a rater who has labelled."""
    if not work.n_labels:
        return ""
    facts = {
        "Labels": f"{work.n_labels:,} in all campaigns, {work.n_today:,} today; a pair given again "
        "counts again",
        "Days in a row": counted(work.streak, "day"),
        "Pace": _pace(work.seconds_each) if work.seconds_each else "",
        "Checked answers right": _known(work.gold),
        "As most others": _known(work.others),
    }
    rows = "".join(f"<dt>{name}</dt><dd>{words}</dd>" for name, words in facts.items() if words)
    return f"<dl class='facts'>{rows}</dl>"


def _pace(seconds: float) -> str:
    return f"{seconds:.{0 if seconds >= 10 else 1}f} s each (median)"


def _known(estimate: Estimate) -> str:
    return in_words(estimate) if estimate.n else ""
