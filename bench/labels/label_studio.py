"""The peer: Label Studio as it installs itself, with SQLite and its own server."""

import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random
from secrets import token_hex
from typing import Any, NamedTuple

import httpx

from bench.labels.filling import text
from bench.labels.processes import Program, clean_environment, free_port

START_S = 400
"""Its first start makes a database of some hundred migrations."""
CONFIG = """<View><Header value="$prompt"/>
<Pairwise name="pw" toName="left,right"/>
<Text name="left" value="$left"/><Text name="right" value="$right"/></View>"""
_PASSWORD = "bench-of-pairs"


class PeerRecount(NamedTuple):
    """The flaws of the peer's database after a workload."""

    n_lost: int
    n_over_labelled: int


class LabelStudio:
    """A running Label Studio on an empty folder of its own."""

    def __init__(self, command: str, folder: Path) -> None:
        folder.mkdir(parents=True)
        token = token_hex(20)
        port = free_port()
        self._file = folder / "label_studio.sqlite3"
        self._admin = {"Authorization": f"Token {token}"}
        flags = ["--no-browser", "--port", str(port), "--data-dir", str(folder)]
        flags += ["--username", "admin@bench.local", "--password", _PASSWORD]
        flags += ["--user-token", token, "--enable-legacy-api-token", "--log-level", "ERROR"]
        environment = clean_environment("LABEL_STUDIO_", "THRICE_", "DJANGO_")
        # It would look up its newest version and report its use, in vain without a network.
        environment |= {"LATEST_VERSION_CHECK": "0", "COLLECT_ANALYTICS": "0", "SENTRY_DSN": ""}
        self.program = Program(
            [command, "start", *flags],
            port,
            log=folder / "label-studio.log",
            environment=environment,
            health="/health",
            start_s=START_S,
        )

    def create_project(self, title: str, n_tasks: int, overlap: int) -> int:
        """Creates a project of pairs to be labelled `overlap` times each; returns its id."""
        body = {"title": title, "label_config": CONFIG, "maximum_annotations": overlap}
        project = int(self._ask("/api/projects/", body)["id"])
        random = Random(0)
        tasks = [
            {"prompt": f"Question {number}: {text(random, 25)}?"}
            | {side: text(random, random.randint(40, 120)) for side in ("left", "right")}
            for number in range(n_tasks)
        ]
        self._ask(f"/api/projects/{project}/import", tasks)
        return project

    def sign_up(self, n: int, name: str) -> list[dict[str, str]]:
        """Returns the headers of so many annotators, each an account of its own."""
        headers = []
        for number in range(n):
            with httpx.Client(base_url=self.program.address, timeout=60) as browser:
                browser.get("/user/signup/")
                form = {
                    "email": f"{name}-{number + 1}@bench.local",
                    "password": _PASSWORD,
                    "csrfmiddlewaretoken": browser.cookies["csrftoken"],
                }
                browser.post("/user/signup/", data=form)
                token = browser.get("/api/current-user/token").raise_for_status().json()["token"]
            headers.append({"Authorization": f"Token {token}"})
        return headers

    def recount(self, project: int, acknowledged: list[str]) -> PeerRecount:
        """Compares its rows with what it acknowledged."""
        with closing(sqlite3.connect(self._file)) as file:
            stored = {
                str(key)
                for (key,) in file.execute(
                    "SELECT id FROM task_completion WHERE project_id = ?", (project,)
                )
            }
            (n_over,) = file.execute(
                "SELECT count(*) FROM (SELECT 1 FROM task_completion JOIN task "
                "ON task.id = task_completion.task_id WHERE task.project_id = ? "
                "GROUP BY task.id HAVING count(*) > max(task.overlap))",
                (project,),
            ).fetchone()
        return PeerRecount(len(set(acknowledged) - stored), n_over)

    def _ask(self, path: str, body: Any) -> Any:
        answer = httpx.post(
            self.program.address + path, json=body, headers=self._admin, timeout=300
        )
        if answer.is_error:
            raise SystemExit(f"Label Studio refused {path}: {answer.text[:500]}")
        return answer.json()
