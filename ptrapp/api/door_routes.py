"""The pages at the door: join by a link, sign in and out, one's account. Changes are POSTs."""

from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import UploadFile

from db.storage.errors import Conflict
from ptrapp.api import door_pages
from ptrapp.api.page_roles import PagesOfRoles
from ptrapp.api.proxy import root_of
from ptrapp.api.session import browser_of, person_of, signed_in, take_secret
from ptrapp.api.unknown_pages import UnknownPages
from ptrapp.core.errors import Forbidden, InputError, ThriceError, TooMuch
from ptrapp.services.accounts import entering, identifying, roster
from ptrapp.services.context import DataContext


async def _read_form(request: Request) -> dict[str, str]:
    form = await request.form(max_files=0, max_fields=8)
    return {name: value for name, value in form.items() if not isinstance(value, UploadFile)}


Form = Annotated[dict[str, str], Depends(_read_form)]


def add_door(app: FastAPI, context: DataContext) -> None:
    """Adds the pages, and keeps those behind the door for their roles."""
    app.add_middleware(PagesOfRoles)
    app.add_middleware(UnknownPages)
    hub = bool(context.settings.hf_client_id)

    @app.get("/join", include_in_schema=False)
    def ask_to_join(request: Request, token: str = "") -> HTMLResponse:
        root = root_of(request)
        try:
            offered = entering.offered(context, token)
        except Forbidden as error:
            return HTMLResponse(door_pages.refusal(root, str(error)), 403)
        page = door_pages.join(
            root, offered, token, person_of(request), signed_in(request), hub=hub
        )
        return HTMLResponse(page)

    @app.post("/join", include_in_schema=False)
    def join(request: Request, form: Form) -> Response:
        root, token, name = root_of(request), form.get("token", ""), form.get("name", "")
        visitor, here = person_of(request), signed_in(request)
        try:
            offered = entering.offered(context, token)
        except Forbidden as error:
            return HTMLResponse(door_pages.refusal(root, str(error)), 403)
        try:
            secret = entering.join(
                context, token, visitor, here, name=name, password=form.get("password", ""),
                browser=browser_of(request), address=_address_of(request),
            )  # fmt: skip
        except (ThriceError, Conflict) as error:
            page = door_pages.join(
                root, offered, token, visitor, here, hub=hub, wrong=str(error), name=name
            )
            return HTMLResponse(page, _status(error))
        take_secret(request, secret)
        return RedirectResponse(f"{root}/", 303)

    @app.get("/sign-in", include_in_schema=False)
    def ask_who(request: Request) -> HTMLResponse:
        return HTMLResponse(door_pages.sign_in(root_of(request), hub=hub))

    @app.post("/sign-in", include_in_schema=False)
    def sign_in(request: Request, form: Form) -> Response:
        root, name = root_of(request), form.get("name", "")
        try:
            secret = entering.sign_in(
                context, name, form.get("password", ""), _address_of(request),
                browser_of(request),
            )  # fmt: skip
        except (Forbidden, TooMuch) as error:
            page = door_pages.sign_in(root, hub=hub, wrong=str(error), name=name)
            return HTMLResponse(page, _status(error))
        take_secret(request, secret)
        return RedirectResponse(f"{root}/", 303)

    _add_account(app, context, hub=hub)


def _add_account(app: FastAPI, context: DataContext, *, hub: bool) -> None:
    """Adds the page of who is signed in, and what she may do there."""

    def draw(request: Request, *, wrong: str = "", told: str = "") -> str:
        here = signed_in(request)
        browsers = roster.browsers_of(context, here.member_id) if here else []
        return door_pages.account(
            root_of(request), person_of(request), here, browsers, hub=hub, wrong=wrong, told=told
        )

    @app.get("/account", include_in_schema=False)
    def account(request: Request) -> HTMLResponse:
        return HTMLResponse(draw(request))

    @app.post("/account/password", include_in_schema=False)
    def password(request: Request, form: Form) -> HTMLResponse:
        here = signed_in(request)
        if here is None:
            return HTMLResponse(draw(request), 403)
        try:
            entering.set_password(
                context, here, form.get("old", ""), form.get("new", ""),
                _address_of(request),
            )  # fmt: skip
        except InputError as error:
            return HTMLResponse(draw(request, wrong=str(error)), _status(error))
        return HTMLResponse(draw(request, told="The new password is kept."))

    @app.post("/account/sign-out", include_in_schema=False)
    def sign_another_out(request: Request, form: Form) -> Response:
        here, number = signed_in(request), form.get("sign_in", "")
        if here is not None and number.isdecimal() and len(number) < 10:
            identifying.end(context, int(number), of_member=here.member_id)
        return RedirectResponse(f"{root_of(request)}/account", 303)

    @app.post("/sign-out", include_in_schema=False)
    def sign_out(request: Request) -> RedirectResponse:
        here = signed_in(request)
        if here is not None:
            identifying.end(context, here.id)
        request.session.clear()
        return RedirectResponse(f"{root_of(request)}/", 303)


def _address_of(request: Request) -> str:
    return request.client.host if request.client else ""


def _status(error: Exception) -> int:
    if isinstance(error, TooMuch):
        return 429
    return 403 if isinstance(error, Forbidden) else 409 if isinstance(error, Conflict) else 400
