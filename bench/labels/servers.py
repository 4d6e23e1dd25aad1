"""Where an annotator sits: the same two questions, next and vote, put to our app or to a peer."""

import json
from http.client import HTTPConnection, HTTPException
from secrets import token_hex
from typing import Any, Protocol

TIMEOUT_S = 120
"""Longest an answer is waited for; a peer with 32 annotators takes its time."""
UNREACHABLE = (OSError, HTTPException)
"""What a connection raises when the other end is gone."""


class Refused(Exception):
    """The server answered, and said no."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"{status}: {said[:200]}")
        self.status = status


class Finished(Exception):
    """There is nothing left for this annotator."""


class Line:
    """One annotator's keep-alive connection, which speaks JSON.

    `http.client`, because the annotators share the machine with what is measured: it costs a
    fraction of a fuller client.
    """

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        self._headers = headers

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return the answer. Raises `Refused`, or one of `UNREACHABLE`."""
        data = None if body is None else json.dumps(body).encode()
        headers = self._headers | ({"Content-Type": "application/json"} if data else {})
        self._connection.request(method, path, data, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise Refused(answer.status, text.decode(errors="replace"))
        return json.loads(text)


class Server(Protocol):
    """A place to label at."""

    def next(self) -> str | None:
        """Name the pair to decide; None when there is none just now. Raises `Finished`."""

    def vote(self, pair: str) -> str:
        """Decide, and return the name under which the server says it has the vote."""


class ThriceServer:
    """A page of ours, without a prefetch: a pair is asked for when the one before is decided."""

    def __init__(self, line: Line, campaign: int) -> None:
        self._line = line
        self._next = f"/api/v1/campaigns/{campaign}/next"
        self._asked = {"n": 1, "have": [], "tab": token_hex(8)}

    def next(self) -> str | None:
        answer = self._line.ask("POST", self._next, self._asked)
        if answer["pairs"]:
            return str(answer["pairs"][0]["key"])
        if answer["finished"]:
            raise Finished
        return None

    def vote(self, pair: str) -> str:
        said = {"outcome": "left", "strength": 1, "decided_ms": 1000, "client": "bench"}
        assert self._line.ask("POST", f"/api/v1/labels/{pair}/vote", said)["stored"]
        return pair


class LabelStudioServer:
    """A label stream of Label Studio's, by the requests its own page makes."""

    def __init__(self, line: Line, project: int) -> None:
        self._line = line
        self._next = f"/api/projects/{project}/next/"

    def next(self) -> str | None:
        try:
            return str(self._line.ask("GET", self._next)["id"])
        except Refused as error:
            if error.status == 404:
                raise Finished from error
            raise

    def vote(self, pair: str) -> str:
        chosen = {"from_name": "pw", "to_name": "left,right", "type": "pairwise"}
        said = {"result": [chosen | {"value": {"selected": "left"}}], "lead_time": 1.0}
        return str(self._line.ask("POST", f"/api/tasks/{pair}/annotations/", said)["id"])


def sit_down(side: str, port: int, headers: dict[str, str], work: int) -> Server:
    """A desk at `side`; `work` is the campaign's or the project's id."""
    line = Line(port, headers)
    match side:
        case "thrice":
            return ThriceServer(line, work)
        case "label_studio":
            return LabelStudioServer(line, work)
        case other:
            raise SystemExit(f"There is no side {other!r}; say thrice or label_studio.")
