"""Draws the pages at the door: join, sign in, one's account. They are forms without a script."""

from collections.abc import Collection, Sequence
from html import escape

from ptrapp.core.people import Person, Role
from ptrapp.core.settings import ASSETS
from ptrapp.services.accounts.entering import Offered
from ptrapp.services.accounts.identifying import SignedIn
from ptrapp.services.accounts.passwords import LONGEST, SHORTEST
from ptrapp.services.accounts.roster import BrowserView

_ARTICLE = {Role.ADMIN: "an admin", Role.ANNOTATOR: "an annotator", Role.VIEWER: "a viewer"}
_MAY = {
    Role.ADMIN: "may do everything",
    Role.ANNOTATOR: "labels, and sees nothing else",
    Role.VIEWER: "reads pages and figures, and changes nothing",
}


def join(
    root: str, offered: Offered, token: str, visitor: Person, here: SignedIn | None, *,
    hub: bool, wrong: str = "", name: str = "",
) -> str:  # fmt: skip
    """Returns the page that asks before a link changes who a browser is."""
    role = offered.role
    who = f"{escape(offered.by)} invites you" if offered.by else "This link makes you"
    as_whom = f" as {escape(offered.name)}," if offered.name else ""
    said = f"<p>{who}{as_whom} to be {_ARTICLE[role]}: who {_MAY[role]}.</p>"
    if not offered.by:
        said = f"<p>This link makes you {_ARTICLE[role]} of this server. It is good once.</p>"
    fields = ""
    if here is not None:
        keeps = "You stay who you are, with this role."
        if here.person.role in (Role.ADMIN, role):
            keeps = f"The link changes nothing: you are {_ARTICLE[here.person.role]} already."
        if offered.name and offered.name != here.person.name:
            keeps = f"You will be {escape(offered.name)} here, and no longer {_named(here.person)}."
        said += f"<p>This browser is signed in as {_named(here.person)}. {keeps}</p>"
    elif not offered.name:
        said += "<p>What you labelled here before stays yours.</p>"
        fields = _field("Name", "name", value=name or visitor.name, autocomplete="username")
    needed = offered.is_set_up and not hub
    hint = "" if offered.is_set_up else ", if you want to sign in elsewhere too"
    fields += _field(
        f"Password{hint} ({SHORTEST} characters or more)", "password", kind="password",
        autocomplete="new-password", required=needed,
    )  # fmt: skip
    form = _form(
        f"{root}/join", f'<input type="hidden" name="token" value="{escape(token)}">{fields}',
        "Join",
    )  # fmt: skip
    by_hub = _by_hub(root, "Join with Hugging Face", token) if hub else ""
    back = f'<p><a href="{escape(root)}/">Stay as I am</a></p>'
    return _page(root, "Join", said + _wrong(wrong) + form + by_hub + back)


def sign_in(root: str, *, hub: bool, wrong: str = "", name: str = "") -> str:
    """Returns the page to sign in on."""
    fields = _field("Name", "name", value=name, autocomplete="username", required=True)
    fields += _field(
        "Password", "password", kind="password", autocomplete="current-password", required=True
    )
    by_hub = _by_hub(root, "Sign in with Hugging Face") if hub else ""
    body = _wrong(wrong) + _form(f"{root}/sign-in", fields, "Sign in") + by_hub
    lost = (
        "<p>No account, or the password is lost? An admin makes you a link on the page People.</p>"
    )
    return _page(root, "Sign in", body + lost)


def account(
    root: str, person: Person, here: SignedIn | None, browsers: Sequence[BrowserView], *,
    hub: bool, wrong: str = "", told: str = "",
) -> str:  # fmt: skip
    """Returns the page of who one is: name, role, password, browsers."""
    if here is None:
        body = f"<p>You are {_named(person)}, {_article(person)}, without an "
        body += "account: this browser alone knows you.</p>"
        body += f'<p><a class="button" href="{escape(root)}/sign-in">Sign in</a></p>'
        return _page(root, "Account", body)
    body = f"<p>You are {_named(person)}, {_ARTICLE[person.role]}.</p>"
    body += f'<p role="status">{escape(told)}</p>' if told else ""
    body += _wrong(wrong) + _form(f"{root}/sign-out", "", "Sign out")
    fields = _field("Old password, if you have one", "old", kind="password",
                    autocomplete="current-password")  # fmt: skip
    fields += _field(
        f"New password ({SHORTEST} characters or more)", "new", kind="password",
        autocomplete="new-password", required=True,
    )  # fmt: skip
    body += "<h2>Password</h2><p>A new one signs your other browsers out.</p>"
    body += _form(f"{root}/account/password", fields, "Keep password")
    body += "<h2>Browsers</h2>" + "".join(_browser(root, one, here) for one in browsers)
    body += _by_hub(root, "Connect with Hugging Face") if hub else ""
    return _page(root, "Account", body)


def refusal(root: str, sentence: str) -> str:
    """Returns a page that says why something was refused."""
    return _page(root, "Not this way", _wrong(sentence))


def not_for(
    root: str, page: str, roles: Collection[Role], person: Person, own: str
) -> str:  # fmt: skip
    """Returns what stands in place of a page that the person may not use; `own` is hers."""
    *others, last = [f"{role.value}s" for role in Role if role in roles]
    whose = f"{', '.join(others)} and {last}" if others else last
    at = f"{escape(root)}/{'' if own == 'Play' else own.lower()}"
    yours = f'Yours is <a href="{at}">{own}</a>.' if own else ""
    said = f"<p>This page is for {whose}. You are {_named(person)}, {_article(person)}. {yours}</p>"
    way = f'<p><a href="{escape(root)}/sign-in">Sign in as somebody else</a></p>'
    return _page(root, page, said + way)


def no_page(root: str, path: str, pages: Sequence[str]) -> str:
    """Returns what stands at an address without a page; `pages` are the person's."""
    links = " · ".join(
        f'<a href="{escape(root)}/{"" if name == "Play" else name.lower()}">{name}</a>'
        for name in pages
    )
    said = f"<p>There is no page at <strong>{escape(path[:200])}</strong>.</p>"
    return _page(root, "No such page", f"{said}<p>{links}</p>")


def _article(person: Person) -> str:
    return _ARTICLE.get(person.role, "a program")


def _browser(root: str, one: BrowserView, here: SignedIn) -> str:
    seen = f"{escape(one.browser)}, last seen {one.seen_at:%Y-%m-%d %H:%M} UTC"
    if one.id == here.id:
        return f"<p>{seen} (this one)</p>"
    hidden = f'<input type="hidden" name="sign_in" value="{one.id}">'
    return f"<p>{seen}</p>" + _form(f"{root}/account/sign-out", hidden, "Sign it out")


def _named(person: Person) -> str:
    return f"<strong>{escape(person.name)}</strong>"


def _wrong(sentence: str) -> str:
    return f'<p class="wrong" role="alert">{escape(sentence)}</p>' if sentence else ""


def _by_hub(root: str, text: str, token: str = "") -> str:
    """Returns the way to the hub: by a POST, and out of a frame, where the hub is not shown."""
    return (
        f'<form method="post" target="_top" action="{escape(root)}/login/huggingface">'
        f'<input type="hidden" name="token" value="{escape(token)}">'
        f'<button class="button" type="submit">{text}</button></form>'
    )


def _form(action: str, fields: str, button: str) -> str:
    return (
        f'<form method="post" action="{escape(action)}">{fields}'
        f'<button type="submit">{button}</button></form>'
    )


def _field(
    label: str, name: str, *, kind: str = "text", value: str = "", autocomplete: str,
    required: bool = False,
) -> str:  # fmt: skip
    return (
        f'<label>{escape(label)}<input type="{kind}" name="{name}" value="{escape(value)}" '
        f'maxlength="{LONGEST}" autocomplete="{autocomplete}"{" required" if required else ""}>'
        "</label>"
    )


def _page(root: str, title: str, body: str) -> str:
    """Returns a whole page; both themes come from the reader's system."""
    tokens = (ASSETS / "styles" / "tokens.css").read_text(encoding="utf-8")
    style = (ASSETS / "styles" / "door.css").read_text(encoding="utf-8")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{title} – Thrice</title>"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{tokens}\n{style}</style></head><body><main>"
        f'<p class="brand"><a href="{escape(root)}/">thrice</a></p>'
        f"<h1>{title}</h1>{body}</main></body></html>"
    )
