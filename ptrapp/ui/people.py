"""The People page: who may come in and by what, and what an admin does about it."""

from datetime import datetime
from typing import Any, NamedTuple

import gradio as gr

from ptrapp.api.session import link_of
from ptrapp.core.counts import counted
from ptrapp.core.people import ADMINS, Role
from ptrapp.services.accounts import inviting, roster
from ptrapp.services.context import AppContext
from ptrapp.ui import people_ending as ending
from ptrapp.ui.acting import carried_out
from ptrapp.ui.arriving import ARRIVED
from ptrapp.ui.auth import allowed, person
from ptrapp.ui.speaking import select

_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_OF_PEOPLE = [
    ("annotator: labels, sees nothing else", Role.ANNOTATOR.value),
    ("viewer: reads, changes nothing", Role.VIEWER.value),
    ("admin: everything", Role.ADMIN.value),
]
_ROLE_WIDTH = 300
"""Of a field of roles, in pixels: the longest of them is read whole."""
_OF_PROGRAMS = [("judge: labels beside the people", Role.JUDGE.value), *_OF_PEOPLE]
_HEADS = (
    ["Name", "Role", "Signs in by", "Last seen (UTC)", "Votes"],
    ["No.", "Name", "Browser", "Last seen (UTC)", "Signed in (UTC)"],
    ["No.", "For", "Role", "Used", "Until (UTC)", "Made by"],
    ["No.", "Program", "Role", "Last seen (UTC)", "Made (UTC)", "Made by"],
)


class PeopleParts(NamedTuple):
    """What the page shows, once as components and once as their values."""

    closed: Any
    whole: Any
    about: Any
    members: Any
    member: Any
    browsers: Any
    browser: Any
    invitations: Any
    invitation: Any
    tokens: Any
    token: Any


def build(context: AppContext, pages: gr.Blocks) -> None:
    """Builds the page, which is empty for everybody but an admin."""
    closed = gr.Markdown("This page is for admins.", visible=False)
    with gr.Column(visible=False, elem_id="people") as whole:
        about = gr.Markdown()
        members = _table("Members", 0, "people-members")
        with gr.Row(elem_classes="people-acts"):
            member = gr.Dropdown([], label="Member", min_width=160)
            role = gr.Dropdown(_OF_PEOPLE, label="Role", min_width=_ROLE_WIDTH)
            change = gr.Button("Change role", min_width=140)
            another = gr.Button("Link for another browser", min_width=220)
            remove = gr.Button("Remove", variant="stop", min_width=120)
        removed = ending.build(context, ending.MEMBER, remove, member, "Remove them")
        gr.Markdown("## Invite\nA link leads to a page that asks, and lets people in.")
        with gr.Row(elem_classes="people-acts"):
            role_of = gr.Dropdown(_OF_PEOPLE, label="Role", value="annotator", scale=2,
                                  min_width=_ROLE_WIDTH)  # fmt: skip
            name = gr.Textbox(label="Name (empty: they choose)", max_length=40, min_width=160)
            uses = gr.Number(1, label="People", minimum=1, maximum=inviting.MOST_USES, precision=0,
                             min_width=90)  # fmt: skip
            days = gr.Number(inviting.DAYS, label="Days", minimum=1, maximum=inviting.MOST_DAYS,
                             precision=0, min_width=90)  # fmt: skip
            invite = gr.Button("Create link", variant="primary", min_width=140)
        link = gr.Textbox(label="The link", visible=False, interactive=True,
                          buttons=["copy"], elem_id="people-link",
                          elem_classes="only-read")  # fmt: skip
        invitations = _table("Invitations that still let somebody in", 2, "people-invitations")
        with gr.Row(elem_classes="people-acts"):
            invitation = gr.Dropdown([], label="Invitation", min_width=160)
            revoke = gr.Button("Revoke invitation", min_width=180)
        revoked = ending.build(context, ending.INVITATION, revoke, invitation, "Revoke it")
        gr.Markdown("## Browsers\nWhere members are signed in.")
        browsers = _table("Browsers", 1, "people-browsers")
        with gr.Row(elem_classes="people-acts"):
            browser = gr.Dropdown([], label="Browser", min_width=160)
            sign_out = gr.Button("Sign out", min_width=120)
        signed_out = ending.build(context, ending.BROWSER, sign_out, browser, "Sign it out")
        gr.Markdown("## Programs\nA program sends its token with every request.")
        tokens = _table("Tokens", 3, "people-tokens")
        with gr.Row(elem_classes="people-acts"):
            role_of_program = gr.Dropdown(_OF_PROGRAMS, label="Role", value="judge", scale=2,
                                          min_width=_ROLE_WIDTH)  # fmt: skip
            program = gr.Textbox(label="Its name", max_length=40, min_width=160)
            make = gr.Button("Create token", min_width=120)
            token = gr.Dropdown([], label="Token", min_width=160)
            end = gr.Button("Revoke token", min_width=120)
        ended = ending.build(context, ending.TOKEN, end, token, "Refuse it")
        header = gr.Textbox(
            label="The header that it sends, shown this once", visible=False, interactive=True,
            buttons=["copy"], elem_id="people-token", elem_classes="only-read",
        )  # fmt: skip
    parts = PeopleParts(
        closed, whole, about, members, member, browsers, browser, invitations, invitation, tokens,
        token,
    )  # fmt: skip

    def read_people(request: gr.Request) -> PeopleParts:
        return _read(context, request)

    def people_role(request: gr.Request, member: int | None, role: str | None) -> None:
        allowed(request, ADMINS)
        its, wanted = _chosen(member, "a member"), Role(_chosen(role, "a role"))
        carried_out(lambda: roster.change_role(context, its, wanted))

    def people_another(request: gr.Request, member: int | None) -> Any:
        by, its = allowed(request, ADMINS), _chosen(member, "a member")
        made = carried_out(lambda: inviting.link_for(context, its, by))
        return _link(request, made.secret, f"{made.name}'s other browser")

    def people_invite(request: gr.Request, role: str, name: str, uses: float, days: float) -> Any:
        by = allowed(request, ADMINS)
        made = carried_out(
            lambda: inviting.invite(
                context,
                Role(role),
                (name or "").strip(),
                n_uses=int(uses or 1),
                days=days or inviting.DAYS,
                by=by,
            )
        )
        return _link(request, made.secret, f"{made.name or 'whoever has it'}, as {role}")

    def people_token(request: gr.Request, role: str, name: str) -> Any:
        by = allowed(request, ADMINS)
        made = carried_out(lambda: inviting.make_token(context, Role(role), name or "", by=by))
        return _shown(f"Authorization: Bearer {made.secret}")

    look: dict[str, Any] = {"fn": read_people, "outputs": list(parts), **_QUIET}
    pages.load(**look).then(**ARRIVED)
    change.click(people_role, [member, role], None, **_QUIET).success(**look)
    links = (
        another.click(people_another, member, link, **_QUIET),
        invite.click(people_invite, [role_of, name, uses, days], link, **_QUIET),
    )
    for made in links:
        made.success(**look).then(**select("#people-link"))
    made = make.click(people_token, [role_of_program, program], header, **_QUIET)
    made.success(**look).then(**select("#people-token"))
    for happened in (removed, revoked, signed_out, ended):
        happened.success(**look)


def _table(label: str, heads: int, name: str) -> gr.Dataframe:
    return gr.Dataframe(
        headers=_HEADS[heads], interactive=False, wrap=True, label=label, buttons=[],
        max_height=420, elem_id=name,
    )  # fmt: skip


def _read(context: AppContext, request: gr.Request) -> PeopleParts:
    """Returns the values of the whole page, for an admin alone."""
    if person(request).role is not Role.ADMIN:
        nothing: list[Any] = [gr.skip()] * (len(PeopleParts._fields) - 2)
        return PeopleParts(gr.Markdown(visible=True), gr.Column(visible=False), *nothing)
    found = carried_out(lambda: roster.read(context))
    n = found.n_without_account
    others = f" {counted(n, 'person', 'people')} without an account asked, voted or took a name."
    return PeopleParts(
        gr.Markdown(visible=False),
        gr.Column(visible=True),
        f"{_visitors(context)}{others if n else ''}",
        [
            [one.name, one.role, one.signs_in, _time(one.seen_at), one.n_votes]
            for one in found.members
        ],
        _choice(ending.MEMBER.choices(found)),
        [
            [f"#{one.id}", one.name, one.browser, _time(one.seen_at), _time(one.since)]
            for one in found.browsers
        ],
        _choice(ending.BROWSER.choices(found)),
        [
            [
                f"#{one.id}", one.name or "whoever has the link", one.role,
                f"{one.n_used} of {one.n_uses}",
                _time(one.expires_at), one.by,
            ]
            for one in found.invitations
        ],
        _choice(ending.INVITATION.choices(found)),
        [
            [
                f"#{one.id}", one.name, one.role, _time(one.seen_at), _time(one.created_at), one.by,
            ]
            for one in found.tokens
        ],
        _choice(ending.TOKEN.choices(found)),
    )  # fmt: skip


def _visitors(context: AppContext) -> str:
    """Returns what a browser may do that is not signed in."""
    role = context.settings.visitor_role.value
    article = "an" if role[0] in "aeiou" else "a"
    return f"A browser that is not signed in is {article} **{role}** here (`--visitor-role`)."


def _choice(choices: list[tuple[str, int]]) -> gr.Dropdown:
    return gr.Dropdown(choices, value=None)


def _chosen(value: Any, what: str) -> Any:
    """Returns what was chosen. Raises `gr.Error` where nothing was."""
    if value is None:
        raise gr.Error(f"Choose {what} first.", print_exception=False)
    return value


def _shown(text: str) -> gr.Textbox:
    return gr.Textbox(text, visible=True)


def _link(request: gr.Request, secret: str, whom: str) -> gr.Textbox:
    """Returns the box of a link, which says whom it is for: it stays while another is refused."""
    assert request.request is not None, "a page event comes with its HTTP request"
    label = f"The link for {whom}, shown this once"
    return gr.Textbox(link_of(request.request, secret), label=label, visible=True)


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "never"
