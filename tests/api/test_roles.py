"""Who may do what: every route and every page event, by role, by cookie, by token, by name."""

import json
import logging
import os
import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from campaign_world import (
    Make,
    follow,
    invited,
    join,
    make_campaign,
    next_pairs,
    program,
    sentence,
    vote,
)
from fastapi import FastAPI
from fastapi.routing import APIRoute
from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from sqlalchemy import func, select

from db.models import Rater, RaterKind, Vote
from db.storage.session import open_database
from ptrapp.api.late_routes import LateApp
from ptrapp.api.session import secret_key
from ptrapp.core.errors import Forbidden
from ptrapp.core.people import ADMINS, LABELS, READS, Role
from ptrapp.core.settings import Settings
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.services.accounts import entering
from ptrapp.services.context import AppContext

EVERYBODY = frozenset(Role)

MAY: dict[tuple[str, str], frozenset[Role]] = {
    ("GET", "/me"): EVERYBODY,
    ("POST", "/me"): EVERYBODY,
    ("GET", "/frame"): EVERYBODY,
    ("GET", "/health"): EVERYBODY,
    ("GET", "/campaigns"): EVERYBODY,
    ("GET", "/campaigns/{campaign_id}"): EVERYBODY,
    ("POST", "/campaigns/{campaign_id}/next"): LABELS,
    ("POST", "/campaigns/{campaign_id}/undo"): LABELS,
    ("POST", "/labels/leave"): LABELS,
    ("POST", "/labels/{key}/vote"): LABELS,
    ("POST", "/labels/{key}/skip"): LABELS,
    ("POST", "/labels/{key}/flag"): LABELS,
    ("POST", "/labels/{key}/reason"): LABELS,
    ("POST", "/labels/{key}/reveal"): LABELS,
    ("GET", "/labels/{key}/diff"): LABELS,
    ("GET", "/labelling"): READS,
    ("GET", "/agreement"): READS,
    ("GET", "/campaigns/{campaign_id}/agreement"): READS,
    ("GET", "/runs"): READS,
    ("GET", "/runs/{run_id}"): READS,
    ("GET", "/pins"): READS,
    ("GET", "/pins/{pin_id}"): READS,
    ("POST", "/pins"): ADMINS,
    ("POST", "/pins/{pin_id}/remove"): ADMINS,
    ("POST", "/pins/{pin_id}/again"): ADMINS,
    ("POST", "/runs/{run_id}/about"): ADMINS,
    ("POST", "/runs/{run_id}/delete"): ADMINS,
    ("POST", "/runs/{run_id}/restore"): ADMINS,
    ("GET", "/imports"): ADMINS,
    ("GET", "/imports/{import_id}"): ADMINS,
    ("POST", "/imports/{import_id}/cancel"): ADMINS,
    ("POST", "/imports/{import_id}/undo"): ADMINS,
    ("GET", "/jobs"): READS,
    ("GET", "/jobs/{job_id}"): READS,
    ("GET", "/training"): READS,
    ("GET", "/versions"): READS,
    ("GET", "/models"): READS,
    ("GET", "/people"): ADMINS,
    ("POST", "/people/{member_id}/role"): ADMINS,
    ("POST", "/people/{member_id}/remove"): ADMINS,
    ("POST", "/people/{member_id}/link"): ADMINS,
    ("POST", "/sign-ins/{sign_in_id}/end"): ADMINS,
    ("POST", "/invitations"): ADMINS,
    ("POST", "/invitations/{invitation_id}/revoke"): ADMINS,
    ("POST", "/tokens"): ADMINS,
    ("POST", "/tokens/{token_id}/revoke"): ADMINS,
    ("POST", "/campaigns"): ADMINS,
    ("POST", "/campaigns/preview"): ADMINS,
    ("POST", "/campaigns/{campaign_id}/state"): ADMINS,
    ("POST", "/campaigns/{campaign_id}/guidelines"): ADMINS,
    ("POST", "/campaigns/{campaign_id}/items"): ADMINS,
    ("GET", "/campaigns/{campaign_id}/items"): ADMINS,
    ("POST", "/campaigns/{campaign_id}/judge"): ADMINS,
    ("GET", "/campaigns/{campaign_id}/disagreements"): ADMINS,
    ("POST", "/campaigns/{campaign_id}/disagreements/{comparison_id}"): ADMINS,
    ("POST", "/campaigns/{campaign_id}/disagreements/{comparison_id}/undo"): ADMINS,
    ("GET", "/campaigns/{campaign_id}/flags"): ADMINS,
    ("POST", "/campaigns/{campaign_id}/flags/{flag_id}/remove"): ADMINS,
    ("POST", "/campaigns/{campaign_id}"): ADMINS,
    ("POST", "/campaigns/{campaign_id}/duplicate"): ADMINS,
    ("POST", "/guidelines/preview"): ADMINS,
    ("GET", "/data"): ADMINS,
    ("POST", "/import"): ADMINS,
    ("GET", "/export"): ADMINS,
    ("POST", "/runs"): ADMINS,
    ("POST", "/runs/{run_id}/stop"): ADMINS,
    ("POST", "/runs/{run_id}/watch"): ADMINS,
    ("POST", "/rounds/{round_id}/thought"): ADMINS,
    ("POST", "/comparisons"): ADMINS,
    ("POST", "/comparisons/dismiss"): ADMINS,
    ("POST", "/comparisons/judge"): ADMINS,
    ("POST", "/votes"): ADMINS,
    ("POST", "/votes/undo"): ADMINS,
    ("GET", "/jobs/{job_id}/log"): ADMINS,
    ("POST", "/jobs"): ADMINS,
    ("POST", "/jobs/{job_id}/cancel"): ADMINS,
    ("POST", "/jobs/{job_id}/resume"): ADMINS,
    ("POST", "/jobs/{job_id}/discard"): ADMINS,
    ("POST", "/models/load"): ADMINS,
    ("POST", "/versions/rollback"): ADMINS,
    ("POST", "/versions/{name}/serve"): ADMINS,
}
"""Every route, and whom it lets in. A route that is not listed here is let in by nobody."""


def path_of(template: str) -> str:
    """A path whose ids name nothing."""
    for name in re.findall(r"\{(\w+_id)\}", template):
        template = template.replace(f"{{{name}}}", "999999")
    return template.replace("{key}", "nobody").replace("{name}", "nobody")


def test_every_route_is_classified(application: FastAPI) -> None:
    there = {
        (method, path.removeprefix("/api/v1"))
        for path, methods in routes_of(application)
        for method in methods
    }
    unknown = {("GET", "/{path:path}"), ("POST", "/{path:path}")}
    assert there - unknown == set(MAY)


def routes_of(application: FastAPI) -> Iterator[tuple[str, set[str]]]:
    schema = application.openapi()["paths"]
    for route in application.routes:
        if isinstance(route, APIRoute) and route.path.startswith("/api/v1"):
            yield route.path, route.methods
    for path, operations in schema.items():
        yield path, {method.upper() for method in operations}


@pytest.fixture
def as_role(ada: Any, visitor: Make) -> dict[str, Any]:
    """A browser of each role."""
    return {
        role: join(visitor, ada, role, f"{role}-{uuid4().hex[:6]}")
        for role in ("admin", "annotator", "viewer")
    }


@pytest.mark.parametrize("method, path", sorted(MAY))  # noqa: PT006
def test_a_route_lets_in_whom_it_is_for(
    as_role: Any, ada: Any, visitor: Make, method: str, path: str
) -> None:
    agent = visitor()
    agent.client.headers["Authorization"] = f"Bearer {program(ada, 'judge', 'walker')}"
    for role in Role:
        page = agent if role is Role.JUDGE else as_role[role.value]
        if role in MAY[method, path] and path in ("/versions/rollback", "/import", "/export"):
            continue
        answer = page.ask(method, path_of(path), json={} if method == "POST" else None)
        if role in MAY[method, path]:
            assert answer.status_code not in (401, 403), f"{role}: {answer.text}"
        else:
            assert f"not for the role {role.value}" in sentence(answer, 403), role


def test_a_page_event_is_not_for_who_only_labels(as_role: Any, page: Any) -> None:
    bea = as_role["annotator"]
    cookie = {"Cookie": f"thrice={bea.client.cookies['thrice']}"}
    events = bea.get("/config").json()["dependencies"]
    assert len(events) > 15
    for event in events:
        if not event["backend_fn"]:
            continue
        named = uuid4().hex
        stem = event["api_name"].rstrip("_0123456789")
        given = GIVEN.get(event["api_name"], GIVEN.get(stem, [None] * len(event["inputs"])))
        body = {"data": given, "fn_index": event["id"], "session_hash": named}
        joined = page.post("/gradio_api/queue/join", json=body, headers=cookie)
        assert joined.status_code == 200, joined.text
        answer = page.get(f"/gradio_api/queue/data?session_hash={named}", headers=cookie).text
        name = event["api_name"]
        if name in REFUSED or name.rstrip("_0123456789") in REFUSED:
            assert "not for the role annotator" in answer, event
        elif name in LABELLING:
            assert "not for the role" not in answer, event
        elif name.startswith("train_open"):
            assert "This page is for who runs the trainings" in answer
        elif name.startswith(
            (
                "versions_read",
                "campaigns_read",
                "history_open",
                "history_read",
                "history_older",
                "history_newer",
            )
        ):
            assert "Yours is Label" in answer
        else:
            assert event["api_visibility"] != "public", f"{name} is missing in this test"
            known = name in FORM_ONLY or name.rstrip("_0123456789") in FORM_ONLY
            assert known, f"{name} is missing in this test"
            assert "The answer is" not in answer, f"{name} tells what is stored"


PAGES = {
    "/": "Play", "/history": "History", "/label": "Label", "/campaigns": "Campaigns",
    "/versions": "Versions", "/train": "Train", "/data": "Data", "/people": "People",
}  # fmt: skip


def test_a_page_says_whose_it_is_to_whom_it_is_not_for(as_role: Any) -> None:
    config = as_role["admin"].get("/config").json()
    assert {f"/{path}" for path, *_ in config["pages"]} == set(PAGES)
    own = {"admin": set(PAGES), "annotator": {"/label"}}
    own["viewer"] = set(PAGES) - {"/label", "/data", "/people"}
    for role, browser in as_role.items():
        for path, name in PAGES.items():
            there = browser.client.get(f"{path}?run=1")
            if path in own[role]:
                assert "gradio_config" in there.text, (role, path)
            else:
                home = (
                    '<a href="/label">Label</a>' if role == "annotator" else '<a href="/">Play</a>'
                )
                assert there.status_code == 403, (role, path)
                assert f"<h1>{name}</h1>" in there.text
                assert f"{role}. Yours is {home}." in there.text


LABELLING = {
    "label_next", "label_vote", "label_undo", "label_skip", "label_flag", "label_reason",
    "label_reveal", "label_diff", "label_home", "campaigns",
}  # fmt: skip
REFUSED = {
    "history_do", "history_name", "time_remove", "time_again",
    "data_look", "data_store", "data_cancel", "data_ask", "data_undo", "data_first", "data_open", "data_keep",
    "data_delete", "data_restore", "data_sample", "data_made",
    "people_role", "people_another", "people_invite", "people_token", "people_ask", "people_end",
    "adjudicate", "campaigns_agreement", "campaign_restore", "campaign_agreement", "campaign_people",
    "campaign_rename", "campaign_due", "campaign_copy", "campaign_close", "campaign_delete",
    "campaign_known", "campaign_pause", "campaign_judge", "guidelines_save", "campaign_outlook",
    "campaign_make", "flags_read", "flag_remove", "disputes_read", "dispute_settle", "dispute_take_back",
    "training", "train_list", "train_table", "train_start", "train_start_1", "train_start_2",
    "train_cancel", "train_resume", "train_discard", "train_serve", "train_overrule", "play", "campaign_create", "jobs", "job_start", "job_cancel", "models", "model_load",
    "load_base", "versions_serve", "versions_measure", "versions_describe", "versions_described",
}  # fmt: skip
FORM_ONLY = {
    "_no_naming", "time_read", "time_pin",
    "data_imports", "data_rows", "data_kind", "data_choices", "data_select", "data_panel",
    "read_people",
    "train_read", "train_fill", "train_first", "train_ask", "train_keep",
    *(f"train_look{end}" for end in ("", *(f"_{number}" for number in range(1, 6)))),
    "restore", "reload", "read", "read_1", "of_mode", "lambda", "load_example", "_closed", "versions_draw", "show_examples", "campaign_template",
    "read_recording", "read_base", "read_base_1", "page_looks", "page_looks_1",
}  # fmt: skip
"""Events that only move the form, or show the pages of who reads, and are empty for others."""
GIVEN = {
    "label_next": [999999, 1, None, ""],
    "label_vote": ["nobody", "left", 1, None],
    "label_undo": [999999, "nobody's undo", ""],
    "label_skip": ["nobody"],
    "label_flag": ["nobody", True, ""],
    "label_reason": ["nobody", "x"],
    "label_reveal": ["nobody"],
    "label_diff": ["nobody"],
    "job_start": ["dpo", None, ""],
    "job_cancel": [999999],
    "load_example": [[0, None]],
    "time_read": [None, None, None, 1, None],
    "play": ["1 + 1?", "", "refine", 2, 4, "always", 0.8, 0.95, 160, 1, 160, "", "Improve it.", []],
    "of_mode": ["refine"],
    "adjudicate": [999999, 1, "nobodys-key", "left", 1, "", False],
    "campaign_create": ["x", "siblings", "", ["", ""], "", "response", "", 1, 1000, False],
}


def _named(browser: Any) -> dict[str, str]:
    me = browser.get("/me").json()
    return {"name": me["name"], "role": me["role"]}


def test_a_visitor_has_a_name_and_keeps_it(visitor: Make) -> None:
    ada, eve = visitor(), visitor()
    me = ada.get("/me").json()
    assert me["name"].startswith("visitor-")
    assert me["role"] == "admin"
    assert ada.get("/me").json() == me
    assert eve.get("/me").json()["name"] != me["name"]


def test_a_new_name_takes_the_votes_along(ada: Any, visitor: Make, context: AppContext) -> None:
    campaign = make_campaign(ada, context, 2)
    bea = visitor()
    first, second = next_pairs(bea, campaign, 2)
    vote(bea, first["key"])
    name = f"Bea O'Hara-{uuid4().hex[:8]}"
    uid = bea.get("/me").json()["uid"]
    renamed = {"name": name, "role": "admin", "uid": uid}
    assert bea.post("/me", {"name": f"  {name} "}).json() == renamed
    assert bea.get("/me").json() == renamed
    vote(bea, second["key"])
    with context.database.read() as rows:
        rater = rows.scalars(select(Rater).where(Rater.name == name)).one()
        assert len(rows.scalars(select(Vote).where(Vote.rater_id == rater.id)).all()) == 2
    assert bea.post("/me", {"name": name}).status_code == 200, "one's own again"

    eve = visitor()
    assert "already" in sentence(eve.post("/me", {"name": name}), 409)
    assert eve.get("/me").json()["name"] != name


@pytest.mark.parametrize(
    "name",
    ["", "   ", "x" * 41, "agent:scout", "judge:verifier", "import:file", "<b>", "-x", "a/b"],
)
def test_a_name_that_cannot_be_is_refused(ada: Any, name: str) -> None:
    assert "cannot be a name" in sentence(ada.post("/me", {"name": name}), 400)
    if name.strip():
        asked = {"role": "annotator", "name": name}
        assert "cannot be a name" in sentence(ada.post("/invitations", asked), 400)


@pytest.mark.parametrize(
    ("name", "fits"), [("\u0410nn", False), ("Анна", True), ("Ann Анна", True)]
)
def test_a_name_that_passes_for_another_is_refused(ada: Any, name: str, fits: bool) -> None:
    """The first begins with a Cyrillic letter."""
    said = ada.post("/me", {"name": name})
    assert said.status_code == (200 if fits else 400)
    assert fits or "two alphabets that look alike" in sentence(said, 400)


def test_a_name_of_no_text_is_refused(ada: Any) -> None:
    for name in (None, 7, "x" * 201):
        assert "name" in sentence(ada.post("/me", {"name": name}), 422)
    assert "NUL" in sentence(ada.post("/me", {"name": "a\x00b"}), 400)
    assert "role" in sentence(ada.post("/invitations", {"role": "king"}), 422)


@pytest.mark.parametrize("role", ["admin", "annotator", "viewer"])
def test_an_invitation_makes_a_browser_somebody(ada: Any, visitor: Make, role: str) -> None:
    name = f"{role}-{uuid4().hex[:8]}"
    made = ada.post("/invitations", {"role": role, "name": name}).json()
    assert made["link"] == f"http://127.0.0.1:7860/join?token={made['token']}"
    guest = visitor()
    assert guest.client.get(made["link"]).status_code == 200
    assert guest.get("/me").json()["name"] != name, "the page asks first"
    came = follow(guest, made["token"])
    assert came.headers["location"] == "/"
    home = guest.client.get("/", follow_redirects=False)
    assert home.headers.get("location") == ("/label" if role == "annotator" else None)
    assert _named(guest) == {"name": name, "role": role}


def test_an_invitation_without_a_name_leaves_the_visitors(ada: Any, visitor: Make) -> None:
    guest = visitor()
    before = guest.get("/me").json()["name"]
    follow(guest, invited(ada, "viewer"))
    assert _named(guest) == {"name": before, "role": "viewer"}


def test_a_program_does_not_come_in_by_the_door_of_people(ada: Any, visitor: Make) -> None:
    refused = visitor().client.get("/join", params={"token": program(ada, "judge", "scout")})
    assert refused.status_code == 403
    assert "make a token" in sentence(ada.post("/invitations", {"role": "judge"}), 400)
    nameless = ada.post("/tokens", {"role": "judge", "name": " "})
    assert "name of its own" in sentence(nameless, 400)


def test_only_our_own_tokens_are_taken(ada: Any, visitor: Make, context: AppContext) -> None:
    key = secret_key(context.settings.data_dir)
    good = program(ada, "admin", "root")
    ada.get("/me")
    signed = URLSafeTimedSerializer(key, salt="invitation")
    bad = [
        "forged",
        "",
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        invited(ada, "admin"),
        str(signed.dumps({"role": "admin", "name": "root", "uid": ""})),
        str(ada.client.cookies["thrice"]),
    ]
    for token in bad:
        headers = {"Authorization": f"Bearer {token}"}
        assert "token" in sentence(visitor().get("/me", headers=headers), 401), token
    for token in [*bad[:3], good, *bad[4:]]:
        for method in ("GET", "POST"):
            refused = visitor().client.request(
                method, "/join", params={"token": token}, data={"token": token}
            )
            assert refused.status_code == 403
            assert "ask for a new one" in refused.text


def test_a_token_does_what_a_cookie_does(ada: Any, visitor: Make, context: AppContext) -> None:
    campaign = make_campaign(ada, context, 1)
    script = visitor()
    script.client.headers["Authorization"] = f"bearer {program(ada, 'annotator', 'robin')}"
    (pair,) = next_pairs(script, campaign)
    assert vote(script, pair["key"])["counted"]
    assert script.get("/training").status_code == 403
    assert "ask for another token" in sentence(script.post("/me", {"name": "crow"}), 400)
    assert ada.get(f"/campaigns/{campaign.id}").json()["n_done"] == 1, "a person's, so it counts"


def test_who_only_labels_sees_open_campaigns_and_no_counts(
    ada: Any, as_role: Any, context: AppContext
) -> None:
    shown, hidden = make_campaign(ada, context, 1), make_campaign(ada, context, 1)
    ada.post(f"/campaigns/{hidden.id}/state", {"state": "closed"})
    bea, val = as_role["annotator"], as_role["viewer"]
    listed = {row["id"]: row for row in bea.get("/campaigns").json()}
    assert shown.id in listed
    assert hidden.id not in listed
    assert not {"n_items", "n_done", "budget", "mix"} & set(listed[shown.id])
    assert sentence(bea.get(f"/campaigns/{hidden.id}"), 404)
    brief = val.get(f"/campaigns/{hidden.id}").json()
    assert (brief["state"], brief["n_items"]) == ("closed", 1)


@pytest.fixture(scope="module")
def where_visitors_label(context: AppContext) -> FastAPI:
    """The application of an app started with --visitor-role annotator."""
    from ptrapp import app  # Gradio takes seconds to import

    folder = context.settings.data_dir
    settings = Settings(data_dir=folder, visitor_role=Role.ANNOTATOR)
    return app.build_app(AppContext(settings, context.database, context.engine))


def test_a_visitor_is_what_the_settings_say(
    where_visitors_label: FastAPI, ada: Any, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 1)
    guest = type(ada)(where_visitors_label)
    assert guest.get("/me").json()["role"] == "annotator"
    assert guest.post("/invitations", {"role": "admin"}).status_code == 403
    assert guest.get("/training").status_code == 403
    (pair,) = next_pairs(guest, campaign)
    assert vote(guest, pair["key"])["counted"]
    follow(guest, invited(ada, "admin"))
    assert guest.get("/me").json()["role"] == "admin"
    assert guest.get("/training").status_code == 200


@pytest.mark.parametrize("role", [Role.ADMIN, Role.ANNOTATOR, Role.VIEWER])
@pytest.mark.parametrize("log_level", ["info", "error"])
def test_the_terminal_shows_how_to_be_admin_where_visitors_are_not(
    role: Role,
    log_level: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from ptrapp import app

    monkeypatch.setattr(app, "open_engine", lambda settings: ScriptedEngine(lambda _: "x"))
    monkeypatch.setattr(app.uvicorn.Server, "run", lambda *_, **__: None)
    monkeypatch.setattr(app, "build_app", lambda context: LateApp())
    settings = Settings(
        data_dir=tmp_path, visitor_role=role, worker=False, port=7867, log_level=log_level
    )
    with caplog.at_level(logging.getLevelName(log_level.upper())), ExitStack() as stack:
        app.serve(settings, stack)
    output = caplog.text + capsys.readouterr().err
    if role is Role.ADMIN:
        assert "token=" not in output
        return
    token = output.partition("http://127.0.0.1:7867/join?token=")[2].split()[0]
    database = open_database(settings.database)
    there = AppContext(settings, database, ScriptedEngine(lambda _: "x"))
    assert entering.offered(there, token) == entering.Offered(Role.ADMIN, "", "")
    assert entering.set_up(there) != token
    with pytest.raises(Forbidden):
        entering.offered(there, token)
    database.dispose()


def test_a_name_that_somebody_was_invited_under_is_taken_from_then_on(
    ada: Any, visitor: Make, context: AppContext
) -> None:
    """Whoever calls himself Carol before the invited Carol votes does not become her."""
    token = invited(ada, "annotator", "Carol")
    mallory = visitor()
    for name in ("Carol", "carol", " CAROL "):
        assert "already" in sentence(mallory.post("/me", {"name": name}), 409)
    carol = visitor()
    follow(carol, token)
    campaign = make_campaign(ada, context, 1)
    (pair,) = next_pairs(carol, campaign)
    assert vote(carol, pair["key"])["counted"]
    assert mallory.post(f"/labels/{pair['key']}/undo").status_code in (404, 409)
    assert _named(carol) == {"name": "Carol", "role": "annotator"}
    with context.database.read() as rows:
        assert rows.scalar(select(func.count()).where(Rater.name == "Carol")) == 1


def test_an_invitation_under_a_name_that_is_taken_is_for_the_same_person_or_refused(
    ada: Any, visitor: Make, context: AppContext
) -> None:
    mallory, carol = visitor(), visitor()
    assert mallory.post("/me", {"name": "Dora"}).status_code == 200
    refused = ada.post("/invitations", {"role": "annotator", "name": "dora"})
    assert "already" in sentence(refused, 409)
    again = ada.post("/invitations", {"role": "annotator", "name": "dora", "again": True})
    follow(carol, again.json()["token"])
    with context.database.read() as rows:
        uid = rows.scalars(select(Rater.uid).where(Rater.name == "Dora")).one()
    assert mallory.post("/me", {"name": "Emma"}).status_code == 200
    assert carol.get("/me").json()["name"] == "Emma", "one person in two browsers"
    assert uid.startswith("visitor-")
    nobody = ada.post("/invitations", {"role": "annotator", "name": "Nobody", "again": True})
    assert "nobody called" in sentence(nobody, 409)


def test_a_cookie_of_before_identities_is_the_rater_who_had_the_name(
    visitor: Make, context: AppContext
) -> None:
    with context.database.write() as rows:
        rows.add(Rater(kind=RaterKind.HUMAN, uid="Flora", name="Flora", config={}))
    old = visitor()
    key = secret_key(context.settings.data_dir)
    payload = b64encode(json.dumps({"rater": "Flora", "role": "admin"}).encode())
    old.client.cookies.set("thrice", TimestampSigner(key).sign(payload).decode())
    assert _named(old) == {"name": "Flora", "role": "admin"}
    assert old.post("/me", {"name": "Flora B"}).status_code == 200
    with context.database.read() as rows:
        assert rows.scalars(select(Rater.name).where(Rater.uid == "Flora")).one() == "Flora B"
