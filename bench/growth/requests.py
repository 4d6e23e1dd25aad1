"""Asks a grown app for what its pages ask for, a vote between each two, and for an export."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import httpx

from bench.growth.cost import cost_of, summary
from bench.growth.size import CAMPAIGN, N_ROUNDS, N_SIBLINGS, Size
from bench.labels.processes import Program

PAGES = {
    "GET /training": "/training",
    "GET /jobs": "/jobs",
    "GET /versions": "/versions",
    "GET /models": "/models",
    "GET /labelling": "/labelling",
    "GET /campaigns": "/campaigns",
    "GET /agreement": "/agreement",
    "GET agreement of the campaign": f"/campaigns/{CAMPAIGN}/agreement",
    "GET disagreements": f"/campaigns/{CAMPAIGN}/disagreements",
    "GET /data": "/data",
}
"""What pages read, by what it is called in the report."""
_TIMEOUT_S = 900


class Admin:
    """The admin, which a browser on this machine is, who votes on Play now and then."""

    def __init__(self, app: Program, size: Size) -> None:
        self._client = httpx.Client(base_url=f"{app.address}/api/v1", timeout=_TIMEOUT_S)
        self._pairs = _play_pairs(size)

    def get(self, path: str) -> Any:
        return _checked(self._client.get(path)).json()

    def post(self, path: str, body: Any) -> Any:
        return _checked(self._client.post(path, json=body)).json()

    def offer(self) -> str:
        """Opens a pair of two rounds of a run; returns its key."""
        left, right = next(self._pairs)
        return str(self.post("/comparisons", {"left": left, "right": right})["key"])

    def vote(self, key: str) -> Any:
        return self.post("/votes", {"key": key, "outcome": "left"})

    def download(self, path: str) -> int:
        """Returns how many bytes came, none of which is kept."""
        with self._client.stream("GET", path) as answer:
            _checked(answer)
            return sum(len(part) for part in answer.iter_bytes())


def measure_pages(app: Program, admin: Admin, n: int) -> dict[str, Any]:
    """Returns the costs of each answer: the first one, and later ones, each after a new vote."""
    report: dict[str, Any] = {}
    for name, path in PAGES.items():
        first = cost_of(app, partial(admin.get, path))
        later = []
        for _ in range(n):
            admin.vote(admin.offer())
            later.append(cost_of(app, partial(admin.get, path)))
        report[name] = {"first": summary([first]), "later": summary(later)}
    return report


def measure_actions(app: Program, admin: Admin, n: int) -> dict[str, Any]:
    """Returns the costs of a vote on Play and of queuing a job."""
    keys = [admin.offer() for _ in range(n)]
    votes = [cost_of(app, partial(admin.vote, key)) for key in keys]
    queued = [cost_of(app, _queue(admin)) for _ in range(n)]
    return {"POST /votes": summary(votes), "POST /jobs": summary(queued)}


def measure_export(app: Program, admin: Admin) -> dict[str, Any]:
    """Returns the cost of an export of all votes, and the memory that the app had before it."""
    before = app.usage().rss_mib
    n_bytes: list[int] = []
    cost = cost_of(app, lambda: n_bytes.append(admin.download("/export?what=votes&kind=jsonl")))
    return summary([cost]) | {"mib": round(n_bytes[0] / 2**20, 1), "before_mib": round(before, 1)}


def _queue(admin: Admin) -> Callable[[], None]:
    """Returns the action of queuing a training; it is cancelled so that the next one may be."""
    for job in admin.get("/jobs"):
        if job["status"] == "queued":
            admin.post(f"/jobs/{job['id']}/cancel", {})
    return lambda: admin.post("/jobs", {"kind": "dpo"})


def _play_pairs(size: Size) -> Iterator[tuple[int, int]]:
    """Yields the first two rounds of each person's run."""
    first = size.prompts * N_SIBLINGS + 1
    for number in range(size.runs):
        yield first + number * N_ROUNDS, first + number * N_ROUNDS + 1


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        raise SystemExit(f"The app refused {answer.url}: {answer.read().decode()[:500]}")
    return answer
