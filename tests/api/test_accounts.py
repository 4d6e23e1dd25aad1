"""Accounts: set-up link, passwords, joining that asks first, sign-outs, roles and tokens that end."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from campaign_world import Make, follow, invited, make_campaign, next_pairs, program, sentence, vote
from fastapi import FastAPI
from fresh_database import fresh_database
from sqlalchemy import func, select, update

from db.models import Invitation, Member, SignIn, Used
from db.people import members
from db.storage.session import open_database
from ptrapp.core.errors import Forbidden, TooMuch
from ptrapp.core.people import Role
from ptrapp.core.settings import Settings
from ptrapp.services.accounts import attempts, entering
from ptrapp.services.context import AppContext

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def closed(context: AppContext, tmp_path_factory: Any) -> AppContext:
    """An app whose visitors only label, with a database of its own."""
    folder = tmp_path_factory.mktemp("closed")
    settings = Settings(data_dir=folder, visitor_role=Role.ANNOTATOR)
    return replace(context, settings=settings, database=fresh_database(folder))


@pytest.fixture(scope="module")
def served(closed: AppContext) -> FastAPI:
    from ptrapp import app  # Gradio takes seconds to import

    return app.build_app(closed)


@pytest.fixture
def guest(served: FastAPI, ada: Any, portal: Any) -> Callable[[], Any]:
    return lambda: type(ada)(served, portal)


@pytest.fixture
def root(closed: AppContext, guest: Make) -> Any:
    """The admin of the closed app, by a set-up link, under a name of her own each time."""
    with closed.database.write() as session:
        secret = entering.link_for_admin(session)
    browser = guest()
    browser.name = f"root-{uuid4().hex[:8]}"
    follow(browser, secret, name=browser.name, password=PASSWORD)
    return browser


def me(browser: Any) -> dict[str, Any]:
    told = browser.get("/me").json()
    return {"name": told["name"], "role": told["role"]}


def member_of(admin: Any, name: str) -> dict[str, Any]:
    (found,) = [one for one in admin.get("/people").json()["members"] if one["name"] == name]
    return dict(found)


def test_the_set_up_link_wants_a_password_and_is_good_once(closed: AppContext, guest: Make) -> None:
    with closed.database.write() as session:
        secret = entering.link_for_admin(session)
    first, second = guest(), guest()
    asked = first.client.get("/join", params={"token": secret})
    assert "good once" in asked.text
    assert me(first)["role"] == "annotator", "the page asks first"
    for password in ("", "short"):
        refused = first.client.post("/join", data={"token": secret, "password": password})
        assert refused.status_code == 400
        assert "password" in refused.text.lower()
    follow(first, secret, name="Grace", password=PASSWORD)
    assert me(first) == {"name": "Grace", "role": "admin"}
    again = second.client.post("/join", data={"token": secret, "password": PASSWORD})
    assert (again.status_code, "ask for a new one" in again.text) == (403, True)
    assert entering.set_up(closed) is None, "with an admin no start shows a link"


def test_a_name_and_its_password_sign_in_on_another_browser(root: Any, guest: Make) -> None:
    other = guest()
    page = other.client.get("/sign-in")
    assert "Password" in page.text
    wrong = other.client.post("/sign-in", data={"name": root.name, "password": "wrong password"})
    unknown = other.client.post("/sign-in", data={"name": "nobody", "password": PASSWORD})
    assert (wrong.status_code, unknown.status_code) == (403, 403)
    assert entering.WRONG in wrong.text
    assert entering.WRONG in unknown.text, "it does not say which names there are"
    right = {"name": root.name.upper(), "password": PASSWORD}
    came = other.client.post("/sign-in", data=right, follow_redirects=False)
    assert came.status_code == 303
    assert me(other) == me(root)


def test_wrong_passwords_are_bounded_and_a_right_one_waits_too(root: Any, guest: Make) -> None:
    other = guest()
    given = {"name": root.name, "password": "not this one"}
    for _ in range(attempts.PER_NAME_AND_ADDRESS):
        assert other.client.post("/sign-in", data=given).status_code == 403
    late = other.client.post("/sign-in", data=given | {"password": PASSWORD})
    assert late.status_code == 429
    assert "Too many wrong passwords" in late.text


def pass_time(context: AppContext, seconds: float) -> None:
    """Has what counts against bounds end so much sooner."""
    with context.database.write() as session:
        session.execute(update(Used).values(until=Used.until - seconds))


def test_attempts_are_forgotten_after_a_while_and_bounded_by_address_and_by_name(
    closed: AppContext,
) -> None:
    for number in range(attempts.PER_ADDRESS):
        attempts.begin(closed, f"name {number}", "10.0.0.1")
    with pytest.raises(TooMuch, match="try again in 15 minutes"):
        attempts.begin(closed, "another", "10.0.0.1")
    attempts.begin(closed, "another", "10.0.0.2")
    for number in range(attempts.PER_NAME):
        attempts.begin(closed, "Grace", f"10.1.0.{number}")
    with pytest.raises(TooMuch):
        attempts.begin(closed, "grace", "10.2.0.1")
    pass_time(closed, attempts.WINDOW_S + 1)
    attempts.begin(closed, "another", "10.0.0.1")
    attempts.begin(closed, "grace", "10.2.0.1")
    with closed.database.read() as session:
        left = session.scalar(select(func.count()).select_from(Used))
    assert left == 6, "what has ended is not kept"


def test_the_addresses_of_one_customer_count_as_one(closed: AppContext) -> None:
    for number in range(attempts.PER_ADDRESS):
        attempts.begin(closed, f"name {number}", f"2001:db8:0:7::{number:x}")
    with pytest.raises(TooMuch):
        attempts.begin(closed, "another", "2001:db8:0:7:ffff::1")
    attempts.begin(closed, "another", "2001:db8:0:8::1")
    others = ["::ffff:10.7.0.1", "64:ff9b::a07:1"]
    for address in (*["10.7.0.1"] * (attempts.PER_NAME_AND_ADDRESS - 2), *others):
        attempts.begin(closed, "Nell", address)
    with pytest.raises(TooMuch):
        attempts.begin(closed, "Nell", "10.7.0.1")


def test_a_clock_that_steps_back_locks_nobody_out_for_longer(closed: AppContext) -> None:
    for _ in range(attempts.PER_NAME_AND_ADDRESS):
        attempts.begin(closed, "Mary", "10.3.0.1")
    pass_time(closed, -24 * 3600)
    attempts.begin(closed, "Mary", "10.3.0.1")


def test_a_right_attempt_is_taken_back(closed: AppContext) -> None:
    for number in range(2 * attempts.PER_NAME):
        attempts.was_right(closed, attempts.begin(closed, "Ida", "10.4.0.1"))
        attempts.was_right(closed, attempts.begin(closed, "Eve", f"10.5.0.{number}"))
    attempts.begin(closed, "Ida", "10.4.0.1")


def test_attempts_outlive_a_restart_and_keep_nothing_that_was_typed(closed: AppContext) -> None:
    typed = "a password in the wrong field"
    for _ in range(attempts.PER_NAME_AND_ADDRESS):
        attempts.begin(closed, typed, "10.6.0.1")
    anew = replace(closed, database=open_database(closed.database.url))
    with pytest.raises(TooMuch):
        attempts.begin(anew, typed, "10.6.0.1")
    with anew.database.read() as session:
        kept = session.scalars(select(Used.key)).all()
    anew.database.dispose()
    assert not [key for key in kept if "password" in key or "10.6" in key]


def test_wrong_passwords_are_bounded_under_any_spelling_of_a_name(root: Any, guest: Make) -> None:
    other, name = guest(), root.name
    spelt = (name, name.upper(), f" {name}", f"{name}  ", f"\t{name.title()}\t")
    assert len(spelt) == attempts.PER_NAME_AND_ADDRESS
    for one in spelt:
        given = {"name": one, "password": "not this one"}
        assert other.client.post("/sign-in", data=given).status_code == 403
    late = other.client.post("/sign-in", data={"name": f"  {name}", "password": PASSWORD})
    assert late.status_code == 429


def test_wrong_passwords_that_come_at_once_are_bounded_too(
    root: Any, closed: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_let_through = attempts.PER_NAME_AND_ADDRESS
    at_once, checked = 3 * n_let_through, list[str]()
    hashing = threading.Event()

    def slow(stored: str | None, given: str) -> bool:
        checked.append(given)
        assert hashing.wait(30), "the refused ones do not wait for those that are checked"
        return False

    def attempt(number: int) -> type[Exception] | None:
        try:
            entering.sign_in(closed, root.name, f"wrong {number}", "10.0.0.1", "")
        except (Forbidden, TooMuch) as error:
            return type(error)
        return None

    monkeypatch.setattr(entering, "is_password", slow)
    with ThreadPoolExecutor(at_once) as several:
        running = [several.submit(attempt, number) for number in range(at_once)]
        done = as_completed(running, timeout=30)
        refused_first = [next(done).result() for _ in range(at_once - n_let_through)]
        hashing.set()
        rest = [one.result() for one in done]
    assert set(refused_first) == {TooMuch}
    assert set(rest) == {Forbidden}
    assert len(checked) == n_let_through


def test_wrong_old_passwords_are_bounded(root: Any) -> None:
    given = {"old": "not this one", "new": "another password"}
    for _ in range(attempts.PER_NAME_AND_ADDRESS):
        assert root.client.post("/account/password", data=given).status_code == 403
    late = root.client.post("/account/password", data=given | {"old": PASSWORD})
    assert (late.status_code, "Too many wrong" in late.text) == (429, True)


def test_signed_out_a_browser_is_nobody_known_and_its_old_cookie_is_void(
    root: Any, guest: Make
) -> None:
    stolen = guest()
    stolen.client.cookies.update(root.client.cookies)
    assert me(stolen)["role"] == "admin"
    assert root.client.post("/sign-out", follow_redirects=False).status_code == 303
    assert me(root)["name"].startswith("visitor-")
    assert me(stolen)["role"] == "annotator"
    assert me(stolen)["name"].startswith("visitor-")


def test_browsers_are_signed_out_one_by_one(root: Any, guest: Make) -> None:
    phone = guest()
    phone.client.headers["User-Agent"] = "Mozilla/5.0 (Android 16; Mobile) Firefox/150.0"
    given = {"name": root.name, "password": PASSWORD}
    assert phone.client.post("/sign-in", data=given, follow_redirects=False).status_code == 303
    listed = [b for b in root.get("/people").json()["browsers"] if b["name"] == root.name]
    assert [one["browser"] for one in listed].count("Firefox on Android") == 1
    (its,) = [one["id"] for one in listed if one["browser"] == "Firefox on Android"]
    assert "Firefox on Android" in root.client.get("/account").text
    assert root.client.post("/account/sign-out", data={"sign_in": its}).status_code == 200
    assert me(phone)["role"] == "annotator"
    assert me(root)["role"] == "admin"


def test_nobody_signs_out_somebody_elses_browser(root: Any, guest: Make) -> None:
    bea = guest()
    follow(bea, invited(root, "annotator", f"bea-{uuid4().hex[:6]}"))
    ids = [one["id"] for one in root.get("/people").json()["browsers"] if one["name"] == root.name]
    refused = bea.client.post("/account/sign-out", data={"sign_in": ids[0]})
    assert refused.status_code == 404
    assert me(root)["role"] == "admin"


def test_a_new_password_signs_the_other_browsers_out(root: Any, guest: Make) -> None:
    other = guest()
    given = {"name": root.name, "password": PASSWORD}
    other.client.post("/sign-in", data=given)
    assert me(other)["role"] == "admin"
    wrong = root.client.post("/account/password", data={"old": "no", "new": "another password"})
    assert "old password is another" in wrong.text
    right = root.client.post("/account/password", data={"old": PASSWORD, "new": "another password"})
    assert "is kept" in right.text
    assert (me(root)["role"], me(other)["role"]) == ("admin", "annotator")
    assert other.client.post("/sign-in", data=given).status_code == 403


def test_a_new_password_by_a_link_signs_the_others_out_and_ends_the_lock(
    root: Any, guest: Make
) -> None:
    bea, lost, new = guest(), guest(), {"name": f"bea-{uuid4().hex[:6]}", "password": PASSWORD}
    follow(bea, invited(root, "viewer", new["name"]), password=PASSWORD)
    lost.client.post("/sign-in", data=new)
    assert me(lost) == me(bea)
    other = guest()
    for _ in range(attempts.PER_NAME_AND_ADDRESS + 1):
        locked = other.client.post("/sign-in", data=new | {"password": "not this one"})
    assert "ask an admin for a link and set a new password on the page" in locked.text
    mine = guest()
    follow(mine, linked(root, new["name"]), password="another password")
    assert [me(each)["role"] for each in (mine, bea, lost)] == ["viewer", "annotator", "annotator"]
    again = other.client.post(
        "/sign-in", data=new | {"password": "another password"}, follow_redirects=False
    )
    assert again.status_code == 303, "the wrong ones are forgotten"
    mistyped = mine.client.post("/account/password", data={"old": "no", "new": "a third password"})
    assert "the page that it opens takes a new one" in mistyped.text


def test_a_removed_member_comes_back_as_herself_when_she_is_invited(
    root: Any, guest: Make, closed: AppContext
) -> None:
    bea, name = guest(), f"bea-{uuid4().hex[:6]}"
    follow(bea, invited(root, "annotator", name))
    (pair,) = next_pairs(bea, make_campaign(root, closed, 1))
    vote(bea, pair["key"])
    root.post(f"/people/{member_of(root, name)['id']}/remove")
    before = root.get("/people").json()["n_without_account"]
    back = guest()
    follow(back, invited(root, "viewer", name))
    assert me(back) == {"name": name, "role": "viewer"}
    assert member_of(root, name)["n_votes"] == 1
    assert root.get("/people").json()["n_without_account"] == before, "she never was one without"


def test_a_program_is_nobody_without_an_account(root: Any) -> None:
    before = root.get("/people").json()["n_without_account"]
    for role in ("viewer", "annotator", "admin", "judge"):
        program(root, role, f"prog-{uuid4().hex[:6]}")
    assert root.get("/people").json()["n_without_account"] == before


def test_joining_asks_a_signed_in_browser_and_changes_nothing_by_itself(
    root: Any, guest: Make
) -> None:
    bea = guest()
    token = invited(root, "annotator", f"bea-{uuid4().hex[:6]}")
    follow(bea, token)
    before = me(bea)
    name = f"eve-{uuid4().hex[:6]}"
    other = invited(root, "viewer", name)
    page = bea.client.get("/join", params={"token": other})
    assert f"no longer <strong>{before['name']}</strong>" in page.text
    assert me(bea) == before
    follow(bea, other)
    assert me(bea) == {"name": name, "role": "viewer"}


def test_a_link_without_a_name_raises_who_is_signed_in_and_never_lowers_an_admin(
    root: Any, guest: Make
) -> None:
    bea = guest()
    name = f"bea-{uuid4().hex[:6]}"
    follow(bea, invited(root, "annotator", name))
    follow(bea, invited(root, "admin"))
    assert me(bea) == {"name": name, "role": "admin"}
    token = invited(root, "annotator")
    page = bea.client.get("/join", params={"token": token})
    assert "The link changes nothing: you are an admin already." in page.text
    refused = bea.client.post("/join", data={"token": token})
    assert (refused.status_code, "not used" in refused.text) == (409, True)
    assert me(bea)["role"] == "admin"
    follow(guest(), token)  # it was not used up


def test_a_write_from_another_site_joins_nobody(root: Any, guest: Make) -> None:
    bea = guest()
    headers = {"Origin": "http://evil.example"}
    for path in ("/join", "/sign-in", "/sign-out", "/account/password", "/login/huggingface"):
        refused = bea.client.post(path, data={"token": invited(root, "viewer")}, headers=headers)
        assert "other sites" in sentence(refused, 403)


def test_an_invitation_is_for_so_many_until_then_and_can_be_revoked(
    root: Any, guest: Make, closed: AppContext
) -> None:
    shared = invited(root, "viewer", uses=2)
    follow(guest(), shared)
    follow(guest(), shared)
    third = guest()
    assert third.client.post("/join", data={"token": shared}).status_code == 403

    made = root.post("/invitations", {"role": "viewer", "uses": 5}).json()
    listed = {one["id"]: one for one in root.get("/people").json()["invitations"]}
    assert (listed[made["id"]]["n_used"], listed[made["id"]]["n_uses"]) == (0, 5)
    assert made["token"] not in root.get("/people").text
    root.post(f"/invitations/{made['id']}/revoke")
    assert third.client.post("/join", data={"token": made["token"]}).status_code == 403
    assert made["id"] not in {one["id"] for one in root.get("/people").json()["invitations"]}

    old = root.post("/invitations", {"role": "viewer"}).json()
    with closed.database.write() as session:
        session.get_one(Invitation, old["id"]).expires_at -= timedelta(days=15)
    assert third.client.get("/join", params={"token": old["token"]}).status_code == 403
    assert me(third)["role"] == "annotator"
    for mistake in ({"uses": 0}, {"uses": 1001}, {"days": 0}, {"days": 91}):
        sentence(root.post("/invitations", {"role": "viewer"} | mistake), 422)


def test_who_is_named_in_a_file_was_never_here(root: Any) -> None:
    before = root.get("/people").json()["n_without_account"]
    row = {"prompt": "2 + 2?", "response_a": "4", "response_b": "5", "winner": "a"}
    rows = [row | {"annotator": name} for name in ("Bob", "Zoë")]
    content = "\n".join(json.dumps(one) for one in rows).encode()
    sent = root.client.post("/api/v1/import", content=content, params={"file": "two.jsonl"})
    assert sent.json()["counts"]["votes"] == 2
    assert root.get("/people").json()["n_without_account"] == before


def test_a_name_that_was_invited_and_never_came_can_be_invited_again(
    root: Any, guest: Make
) -> None:
    before = root.get("/people").json()["n_without_account"]
    lost = invited(root, "annotator", "Ann")
    link = invited(root, "annotator", "Ann")
    found = root.get("/people").json()
    assert [one["name"] for one in found["invitations"] if one["name"]] == ["Ann"]
    assert found["n_without_account"] == before
    assert guest().client.get("/join", params={"token": lost}).status_code == 403
    ann = guest()
    follow(ann, link)
    assert ann.get("/me").json()["name"] == "Ann"
    taken = root.post("/invitations", {"role": "annotator", "name": "ann"})
    assert taken.status_code == 409
    assert "There is a rater called 'Ann' already." in taken.json()["error"]


def test_a_role_that_is_changed_holds_at_once_in_every_browser(root: Any, guest: Make) -> None:
    bea = guest()
    name = f"bea-{uuid4().hex[:6]}"
    follow(bea, invited(root, "viewer", name))
    its = member_of(root, name)["id"]
    assert bea.get("/versions").status_code == 200
    root.post(f"/people/{its}/role", {"role": "annotator"})
    assert bea.get("/versions").status_code == 403
    assert me(bea) == {"name": name, "role": "annotator"}
    sentence(root.post(f"/people/{its}/role", {"role": "judge"}), 400)


def test_who_is_removed_is_out_and_her_votes_stay(
    root: Any, guest: Make, closed: AppContext
) -> None:
    bea = guest()
    name = f"bea-{uuid4().hex[:6]}"
    follow(bea, invited(root, "annotator", name), password=PASSWORD)
    campaign = make_campaign(root, closed, 1)
    (pair,) = next_pairs(bea, campaign)
    vote(bea, pair["key"])
    its = member_of(root, name)
    assert its["n_votes"] == 1
    root.post(f"/people/{its['id']}/remove")
    assert me(bea)["name"].startswith("visitor-")
    refused = bea.client.post("/sign-in", data={"name": name, "password": PASSWORD})
    assert refused.status_code == 403
    assert root.get(f"/campaigns/{campaign.id}").json()["n_done"] == 1


def test_the_last_admin_can_be_neither_removed_nor_lowered(
    context: AppContext, tmp_path: Any
) -> None:
    database = fresh_database(tmp_path)
    with database.write() as session:
        only = members.admit(session, "only", "admin").id
    for change in (
        lambda s: members.remove(s, only),
        lambda s: members.change_role(s, only, "viewer"),
        lambda s: members.admit(s, "only", "annotator"),
    ):
        with pytest.raises(Exception, match="only admin"):
            with database.write() as session:
                change(session)
    with database.write() as session:
        members.admit(session, "second", "admin")
    with database.write() as session:
        members.remove(session, only)
    database.dispose()


def test_a_token_is_shown_once_kept_as_a_hash_and_ends_when_revoked(
    root: Any, guest: Make, closed: AppContext
) -> None:
    name = f"scout-{uuid4().hex[:6]}"
    token = program(root, "judge", name)
    script = guest()
    script.client.headers["Authorization"] = f"Bearer {token}"
    assert me(script) == {"name": name, "role": "judge"}
    (listed,) = [one for one in root.get("/people").json()["tokens"] if one["name"] == name]
    assert listed["seen_at"] is not None
    assert token not in root.get("/people").text
    file = closed.settings.data_dir / "thrice.db"
    stored = b"".join(part.read_bytes() for part in file.parent.glob("thrice.db*"))
    assert name.encode() in stored
    assert token.encode() not in stored
    assert token.removeprefix("thrice_").encode() not in stored
    root.post(f"/tokens/{listed['id']}/revoke")
    assert "revoked" in sentence(script.get("/me"), 401)


def test_a_link_for_another_browser_lets_in_as_the_same_person(root: Any, guest: Make) -> None:
    bea, phone = guest(), guest()
    name = f"bea-{uuid4().hex[:6]}"
    follow(bea, invited(root, "viewer", name))
    link = root.post(f"/people/{member_of(root, name)['id']}/link").json()
    follow(phone, link["token"], password=PASSWORD)
    assert me(phone) == me(bea) == {"name": name, "role": "viewer"}
    third = guest()
    third.client.post("/sign-in", data={"name": name, "password": PASSWORD})
    assert me(third) == me(bea)


def test_a_clock_that_steps_back_or_ahead_signs_nobody_out(
    root: Any, guest: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = guest()
    before, known = me(visitor), me(root)
    real = time.time
    for step in (-86_400.0, 100 * 86_400.0):
        monkeypatch.setattr(time, "time", lambda step=step: real() + step)
        assert me(visitor) == before
        assert me(root) == known


def test_what_is_stored_of_a_sign_in_is_no_cookie(root: Any, closed: AppContext) -> None:
    with closed.database.read() as session:
        rows = session.query(SignIn).all()
        member = session.query(Member).filter(Member.password.is_not(None)).first()
    assert all(len(row.secret_sha256) == 64 for row in rows)
    assert member is not None
    assert member.password is not None
    assert member.password.startswith("$argon2id$")


def test_who_has_no_account_stays_what_the_operator_left_her(ada: Any, guest: Make) -> None:
    assert me(ada)["role"] == "admin"
    assert "without an account" in ada.client.get("/account").text
    closed_door = guest()
    assert me(closed_door)["role"] == "annotator"
    refused = closed_door.client.post("/account/password", data={"new": PASSWORD})
    assert refused.status_code == 403


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
def test_text_that_cannot_be_stored_is_refused_at_the_door(
    root: Any, guest: Make, text: str
) -> None:
    bea = guest()
    token = invited(root, "viewer")
    for path, form in (
        ("/join", {"token": text}),
        ("/join", {"token": token, "name": text}),
        ("/sign-in", {"name": text, "password": text}),
    ):
        sent = "&".join(f"{key}={quoted(value)}" for key, value in form.items())
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = bea.client.post(path, content=sent, headers=headers)
        assert 400 <= answer.status_code < 500, (path, form, answer.text)
    follow(bea, token, name=f"bea-{uuid4().hex[:6]}")


def quoted(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "surrogatepass"))


def test_a_removed_member_is_not_brought_back_by_a_cookie_of_before_accounts(
    closed: AppContext,
) -> None:
    from ptrapp.services.accounts import identifying

    uid = f"invited-{uuid4().hex}"
    known = identifying.of_before_accounts(closed, uid, Role.VIEWER)
    assert known is not None
    assert identifying.of_before_accounts(closed, uid, Role.VIEWER) == known
    identifying.end(closed, known.id)
    assert identifying.of_before_accounts(closed, uid, Role.VIEWER) is None


def test_an_unknown_link_is_told_from_none(guest: Make, closed: AppContext) -> None:
    assert guest().client.get("/join").status_code == 403
    with pytest.raises(Forbidden):
        entering.offered(closed, "x")


def linked(admin: Any, name: str) -> str:
    """The text of a link for another browser of a member."""
    return str(admin.post(f"/people/{member_of(admin, name)['id']}/link").json()["token"])


def member(admin: Any, guest: Make, role: str) -> Any:
    """A browser of a new member, under a name of her own."""
    browser = guest()
    browser.name = f"mia-{uuid4().hex[:8]}"
    follow(browser, invited(admin, role, browser.name))
    return browser


def refused(guest: Make, token: str) -> bool:
    """Whether a link lets a new browser in no more."""
    return bool(guest().client.post("/join", data={"token": token}).status_code == 403)


def test_a_link_for_another_browser_brings_no_role_back(root: Any, guest: Make) -> None:
    mia = member(root, guest, "admin")
    link, other = linked(root, mia.name), invited(root, "admin", mia.name, again=True)
    root.post(f"/people/{member_of(root, mia.name)['id']}/role", {"role": "viewer"})
    assert refused(guest, link), "a change of the role revokes her links"
    assert refused(guest, other)
    phone = guest()
    follow(phone, linked(root, mia.name))
    assert me(phone) == me(mia) == {"name": mia.name, "role": "viewer"}


def test_a_link_for_a_member_leaves_her_the_role_that_she_has(
    root: Any, guest: Make, closed: AppContext
) -> None:
    mia, phone = member(root, guest, "admin"), guest()
    its = member_of(root, mia.name)["id"]
    link = linked(root, mia.name)
    with closed.database.write() as session:  # as if no change had revoked the link
        session.get_one(Member, its).role = "annotator"
    assert "an annotator" in phone.client.get("/join", params={"token": link}).text
    follow(phone, link)
    assert me(phone) == me(mia) == {"name": mia.name, "role": "annotator"}
    other = root.post("/invitations", {"role": "admin", "name": mia.name, "again": True})
    assert "is annotator here" in sentence(other, 409)


def test_a_link_of_before_a_removal_lets_nobody_back_in(
    root: Any, guest: Make, closed: AppContext
) -> None:
    mia = member(root, guest, "annotator")
    its, link = member_of(root, mia.name)["id"], linked(root, mia.name)
    kept = root.post(f"/people/{its}/link").json()
    root.post(f"/people/{its}/remove")
    assert refused(guest, link)
    with closed.database.write() as session:  # as a version did that revoked no links
        session.get_one(Invitation, kept["id"]).revoked_at = None
    assert refused(guest, kept["token"])
    back = guest()
    follow(back, invited(root, "viewer", mia.name, again=True))
    assert me(back) == {"name": mia.name, "role": "viewer"}, "an admin may invite her again"


@pytest.mark.parametrize(("act", "body"), [("remove", None), ("role", {"role": "viewer"})])
def test_what_an_admin_made_ends_with_her_rights(
    root: Any, guest: Make, act: str, body: dict[str, str] | None
) -> None:
    mia, script, its_script = member(root, guest, "admin"), guest(), guest()
    link = invited(mia, "admin")
    script.client.headers["Authorization"] = (
        f"Bearer {program(mia, 'admin', f'one-{uuid4().hex[:8]}')}"
    )
    by_script = invited(script, "admin")
    its_script.client.headers["Authorization"] = (
        f"Bearer {program(script, 'admin', f'two-{uuid4().hex[:8]}')}"
    )
    of_root = invited(root, "viewer")
    assert me(its_script)["role"] == "admin"
    root.post(f"/people/{member_of(root, mia.name)['id']}/{act}", body)
    assert refused(guest, link)
    assert "revoked" in sentence(script.get("/me"), 401)
    assert refused(guest, by_script), "and what her programs made"
    assert "revoked" in sentence(its_script.get("/me"), 401)
    follow(guest(), of_root)


def test_a_revoked_program_takes_its_invitations_with_it(root: Any, guest: Make) -> None:
    script, name = guest(), f"scout-{uuid4().hex[:8]}"
    script.client.headers["Authorization"] = f"Bearer {program(root, 'admin', name)}"
    link = invited(script, "admin")
    (its,) = [one["id"] for one in root.get("/people").json()["tokens"] if one["name"] == name]
    root.post(f"/tokens/{its}/revoke")
    assert refused(guest, link)


def test_another_admins_token_for_the_same_judge_goes_on(root: Any, guest: Make) -> None:
    mia, judge, name = member(root, guest, "admin"), guest(), f"judge-{uuid4().hex[:8]}"
    theirs = program(mia, "judge", name)
    judge.client.headers["Authorization"] = f"Bearer {program(root, 'judge', name)}"
    root.post(f"/people/{member_of(root, mia.name)['id']}/remove")
    assert me(judge)["role"] == "judge"
    judge.client.headers["Authorization"] = f"Bearer {theirs}"
    assert judge.get("/me").status_code == 401
