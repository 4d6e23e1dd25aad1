"""Starts our app as a user does, creates campaigns in it, and invites annotators."""

import sys
from pathlib import Path
from typing import Any

import httpx

from bench.labels.processes import Program, Start, clean_environment, free_port, popen

ROOT = Path(__file__).resolve().parents[2]
START_S = 600


def start_app(
    folder: Path,
    *flags: str,
    health: str = "/api/v1/health",
    start: Start = popen,
    worker: bool = False,
) -> Program:
    """Starts the app on the data in `folder`, with the bundled model.

    It is started when the path `health` answers.
    """
    port = free_port()
    command = [sys.executable, str(ROOT / "app.py"), "--port", str(port)]
    command += [] if worker else ["--no-worker"]
    command += ["--data-dir", str(folder), "--log-level", "warning", *flags]
    return Program(
        command,
        port,
        log=folder / "app.log",
        environment=clean_environment("THRICE_"),
        health=health,
        start_s=START_S,
        start=start,
    )


def create_campaign(app: Program, name: str, overlap: int, n_pairs: int) -> int:
    """Creates a campaign of all siblings, in any order; returns its id."""
    body = {
        "name": name,
        "source": {"kind": "siblings", "max_pairs": n_pairs},
        "overlap": overlap,
        "mix": {"uncertain": 0.5, "uniform": 0.5},
    }
    return int(_as_admin(app, "/campaigns", body)["campaign_id"])


def invite(app: Program, n: int, name: str, role: str = "annotator") -> list[dict[str, str]]:
    """Returns the headers of so many people, each with the cookie that an invitation set."""
    headers = []
    for number in range(n):
        invitation = _as_admin(app, "/invitations", {"role": role, "name": f"{name}-{number + 1}"})
        with httpx.Client(base_url=app.address, timeout=30) as browser:
            joined = browser.post("/join", data={"token": invitation["token"]})
            if joined.is_error:
                raise SystemExit(f"The app let nobody in: {joined.text}")
            cookie = "; ".join(f"{key}={value}" for key, value in browser.cookies.items())
        headers.append({"Cookie": cookie})
    return headers


def _as_admin(app: Program, path: str, body: dict[str, Any]) -> Any:
    """Sends a request as the admin, which a browser on this machine is."""
    answer = httpx.post(f"{app.address}/api/v1{path}", json=body, timeout=600)
    if answer.is_error:
        raise SystemExit(f"The app refused {path}: {answer.text}")
    return answer.json()
