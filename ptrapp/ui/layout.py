"""The whole interface: theme, navigation and the pages."""

import gradio as gr

from ptrapp.core.version import VERSION
from ptrapp.services.context import AppContext
from ptrapp.ui import (
    backups,
    campaigns,
    data,
    history,
    kept,
    label,
    named,
    people,
    play,
    time_machine,
    train,
    versions,
)
from ptrapp.ui.answering import AnsweringBlocks
from ptrapp.ui.arriving import hold
from ptrapp.ui.assembling import assembled
from ptrapp.ui.choosing import leave_choices_to_handlers
from ptrapp.ui.looks import Looks
from ptrapp.ui.page_head import send_own_head
from ptrapp.ui.page_identity import identify
from ptrapp.ui.page_own import send_own
from ptrapp.ui.sessions import MOST, keep_light
from ptrapp.ui.widgets import widget
from ptrapp.ui.without_matplotlib import leave_out_matplotlib

UPLOADS_KEPT_S = (3600, 3600)
"""Seconds between two looks for uploads to remove, and how old they are then."""
LOOK_S = 3.0
"""Seconds between two looks whether anything was measured, decided, served or answered."""
LOOK_AT_JOBS_S = 1.5
"""Seconds between two looks whether a job came further, or a base model."""
FOOT = (
    '<footer class="foot"><span>thrice {version}</span><a href="api/v1/openapi.json">API</a>'
    '<span>Keys <kbd class="kbd">?</kbd></span></footer>'
)


def build(context: AppContext) -> gr.Blocks:
    """Builds every page over one context."""
    send_own()
    send_own_head()
    keep_light()
    leave_choices_to_handlers()
    leave_out_matplotlib()
    pages = assembled(lambda: _pages(context))
    identify(pages)
    return pages


def _pages(context: AppContext) -> gr.Blocks:
    with AnsweringBlocks(
        title="Thrice", analytics_enabled=False, fill_width=False, delete_cache=UPLOADS_KEPT_S
    ) as pages:
        pages.state_session_capacity = MOST
        _top()
        play.build(context, pages)
        named.build(context)
        _foot(context, pages)
    with pages.route("History", "/history"):
        _top()
        gr.Markdown("# History\nEvery run that was asked for on Play or by a script, newest first.")
        hold()
        history.build(context, pages)
        _foot(context, pages)
    with pages.route("Label", "/label"):
        _top()
        label.build(context, pages)
        kept.build(context, pages)
    with pages.route("Campaigns", "/campaigns"):
        _top()
        hold()
        campaigns.build(context, pages)
        _foot(context, pages)
    with pages.route("Versions", "/versions"):
        _top()
        hold(2)
        looks = Looks()
        versions.build(context, pages, looks)
        time_machine.build(context, pages, looks)
        looks.start(LOOK_S)
        _foot(context, pages)
    with pages.route("Train", "/train"):
        _top()
        hold()
        looks = Looks()
        train.build(context, pages, looks)
        looks.start(LOOK_AT_JOBS_S)
        _foot(context, pages)
    with pages.route("Data", "/data"):
        _top()
        gr.Markdown("# Data\nImport files of other programs, export files for training elsewhere.")
        hold(2)
        looks = Looks()
        data.build(context, pages, looks)
        looks.start(LOOK_S)
        backups.build(context, pages)
        _foot(context, pages)
    with pages.route("People", "/people"):
        _top()
        gr.Markdown("# People\nWho may come in, by what, and where they are signed in.")
        hold()
        people.build(context, pages)
        _foot(context, pages)
    return pages


def _top() -> None:
    """Builds what every page begins with: the bar, and a banner while the app is unwell."""
    gr.Navbar(visible=False)  # the bar has the pages, those of the person's role alone
    widget("bar", prose=False)
    widget("health")


def _foot(context: AppContext, pages: gr.Blocks) -> None:
    """Builds what every page ends with, except Label, whose keys are there."""
    kept.build(context, pages)
    gr.HTML(FOOT.format(version=VERSION), elem_id="thrice-foot", apply_default_css=False)
