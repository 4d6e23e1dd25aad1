"""Two apps behind nginx on one PostgreSQL, a worker elsewhere: either goes on without the other."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import create_engine, make_url
from test_proxy import _nginx, free_port, running, swapped

from bench.faults.annotators import Annotators
from bench.labels.app import create_campaign, invite, start_app
from bench.labels.filling import fill
from bench.labels.processes import Program, clean_environment
from bench.labels.recount import recount
from bench.labels.servers import Connection, Finished, ThriceServer

pytestmark = [pytest.mark.worker, pytest.mark.postgres, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
POSTGRES = os.environ.get("THRICE_TEST_POSTGRES")
HOST = "thrice.example"
N_PAIRS = 60
T = TypeVar("T")


class Site(NamedTuple):
    """The apps, the port of nginx before them, and what they share."""

    apps: tuple[Program, Program]
    port: int
    folder: Path
    url: str

    def ask(self, app: int, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Asks one of the apps as its admin, which a browser on this machine is."""
        address = f"{self.apps[app].address}/api/v1{path}"
        answer = httpx.request(method, address, json=body, timeout=60, **more)
        assert not answer.is_error, answer.text
        return answer.json()

    def ended(self, app: int, run_id: int) -> Any:
        """Returns the board of a run that has ended, as this app shows it."""
        return _wait(
            lambda: (now := self.ask(app, "GET", f"/runs/{run_id}"))["state"] != "running" and now
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if nginx is None:
        pytest.skip("nginx is not installed")
    if not POSTGRES:
        pytest.skip("no PostgreSQL server: set THRICE_TEST_POSTGRES to its URL")
    shared, folder = tmp_path_factory.mktemp("shared"), tmp_path_factory.mktemp("nginx")
    database = make_url(POSTGRES).set(database=f"thrice_{uuid4().hex[:12]}")
    admin = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {database.database}")
    url = database.render_as_string(hide_password=False)
    fill(shared, N_PAIRS, url=url)
    flags = ("--database-url", url, "--gate-problems", "0", "--allowed-host", HOST)
    one, other = (start_app(shared, *flags, "--trusted-proxy", "127.0.0.1") for _ in range(2))
    try:
        port = free_port()
        command = _nginx(nginx, folder, _documented(one.port, other.port), port)
        with running(command, folder / "log", port, cwd=folder, env=dict(os.environ)):
            yield Site((one, other), port, shared, url)
    finally:
        one.close()
        other.close()
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {database.database} WITH (FORCE)")
        admin.dispose()


def _documented(one: int, other: int) -> str:
    """Returns the configuration of the documents, with the ports that the apps have here."""
    text = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```nginx-several\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    block = swapped(block, "app-1:7860", f"127.0.0.1:{one}")
    return swapped(block, "app-2:7860", f"127.0.0.1:{other}")


def test_who_somebody_is_is_known_at_both(site: Site) -> None:
    with httpx.Client(timeout=60) as browser:
        seen = [browser.get(f"{app.address}/api/v1/me").json() for app in site.apps]
    assert seen[0] == seen[1]
    token = site.ask(0, "POST", "/tokens", {"role": "viewer", "name": "reader"})["token"]
    known = site.ask(1, "GET", "/me", headers={"Authorization": f"Bearer {token}"})
    assert (known["name"], known["role"]) == ("reader", "viewer")


def test_a_browser_stays_with_one_app(site: Site) -> None:
    """An event of a page is begun by one request and followed by another."""
    here = f"http://127.0.0.1:{site.port}"
    for _ in range(5):
        with httpx.Client(base_url=here, headers={"Host": HOST}, timeout=60) as browser:
            assert browser.get("/").status_code == 200
            begun = browser.post("/gradio_api/call/training", json={"data": []}).json()
            ended = browser.get(f"/gradio_api/call/training/{begun['event_id']}").text
            assert "event: complete" in ended


def test_a_file_brought_to_one_is_there_at_the_other(site: Site) -> None:
    row = '{{"prompt": "Uploaded {n}?", "chosen": "Yes.", "rejected": "No."}}\n'
    content = "".join(row.format(n=n) for n in range(5)).encode()
    path = f"{site.apps[0].address}/api/v1/import?file=pairs.jsonl"
    assert httpx.post(path, content=content, timeout=60).json()["n_new"] == 5
    (brought,) = site.ask(1, "GET", "/imports")
    assert (brought["state"], brought["n_new"]) == ("done", 5)


def test_what_is_given_by_one_is_voted_on_at_the_other(site: Site) -> None:
    """Every question and its vote go to different apps, and no item gets one label too many."""
    campaign = create_campaign(site.apps[0], "in turns", 2, 20)
    people = [
        [
            ThriceServer(Connection(app.port, headers), campaign)
            for app in (site.apps if number % 2 else site.apps[::-1])
        ]
        for number, headers in enumerate(invite(site.apps[0], 2, "in-turns"))
    ]
    acknowledged = []
    for asking, voting in people:
        try:
            while (pair := asking.next()) is not None:
                acknowledged.append(voting.vote(pair))
                asking, voting = voting, asking
        except Finished:
            continue
    counted = recount(site.folder, campaign, acknowledged, url=site.url)
    assert (counted.flaws, counted.n_votes) == ({}, 40)


def test_a_run_is_followed_and_stopped_from_the_other_app(site: Site) -> None:
    asked = {"prompt": "Ada has 2 pens and buys 3. How many?", "n": 3}
    run_id = site.ask(0, "POST", "/runs", asked)["run_id"]
    states = []
    while True:
        board = site.ask(1, "GET", f"/runs/{run_id}")
        states.append(board["state"])
        if board["state"] != "running":
            break
    assert set(states) <= {"running", "done"}, board["message"]
    assert [cell["state"] for cell in board["cells"]] == ["stored"] * 3

    long = asked | {"n": 5, "max_tokens": 2000, "max_thought_tokens": 2000}
    run_id = site.ask(0, "POST", "/runs", long)["run_id"]
    site.ask(1, "POST", f"/runs/{run_id}/stop")
    ended = site.ended(0, run_id)
    assert ended["state"] in ("stopped", "done")  # done where it was faster than the request


def test_a_version_trained_elsewhere_answers_at_both(site: Site, tmp_path: Path) -> None:
    """The worker finds the shared folder at a path of its own, as another machine mounts it."""
    mount = tmp_path / "mounted"
    mount.symlink_to(site.folder)
    campaign = create_campaign(site.apps[1], "to learn from", 1, 12)
    (headers,) = invite(site.apps[1], 1, "teacher")
    server = ThriceServer(Connection(site.apps[1].port, headers), campaign)
    for _ in range(12):
        server.vote(server.next() or "")
    settings = {"epochs": 1, "eval_share": 0.0}
    site.ask(0, "POST", "/jobs", {"kind": "dpo", "settings": settings})
    said = {"THRICE_DATABASE_URL": site.url, "THRICE_DATA_DIR": str(mount), "THRICE_DEVICE": "cpu"}
    with (tmp_path / "log").open("wb") as log:
        command = [sys.executable, "-m", "training.worker"]
        environment = clean_environment("THRICE_") | said
        worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        name = _wait(lambda: (now := site.ask(1, "GET", "/health")["serving"]) != "base" and now)
    finally:
        worker.terminate()
        worker.wait(30)
    for app in (0, 1):
        run_id = site.ask(app, "POST", "/runs", {"prompt": "1 + 1?", "n": 1})["run_id"]
        board = site.ended(1 - app, run_id)
        assert (board["state"], board["message"], board["version"]) == ("done", None, name)


def test_one_is_killed_and_the_other_goes_on(site: Site) -> None:
    """The last test: people label by way of nginx, and the app that answers most of them dies."""
    campaign = create_campaign(site.apps[1], "outlives one", 2, 40)
    headers = [each | {"Host": HOST} for each in invite(site.apps[0], 4, "survivor")]
    people = Annotators(lambda: site.port, campaign, headers)
    _wait(lambda: len(people.acknowledged) >= 8)
    asked = {"prompt": "Ada has 2 pens.", "n": 5, "max_tokens": 2000, "max_thought_tokens": 2000}
    run_id = site.ask(0, "POST", "/runs", asked)["run_id"]
    site.apps[0].kill()
    before = len(people.acknowledged)
    _wait(lambda: len(people.acknowledged) >= before + 8)
    board = site.ended(1, run_id)
    assert board["state"] in ("stopped", "done")
    people.close()
    acknowledged = people.acknowledged
    # nginx sends no vote twice: one that was under way is answered 502 and sent again by who gave it
    assert all(said.startswith("502") for said in people.errors), people.errors
    counted = recount(site.folder, campaign, acknowledged, url=site.url)
    assert (counted.flaws, counted.n_votes) == ({}, len(acknowledged))
    page = httpx.get(f"http://127.0.0.1:{site.port}/", headers={"Host": HOST}, timeout=60)
    assert page.status_code == 200


def _wait(look: Callable[[], T], timeout_s: float = 240) -> T:
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if seen := look():
            return seen
        time.sleep(0.1)
    raise AssertionError(f"not seen within {timeout_s} s")
