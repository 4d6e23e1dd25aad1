"""The requests of an annotator, next and vote, to our app or to the peer."""

import json
from http.client import HTTPConnection, HTTPException
from secrets import token_hex
from typing import Any, Protocol

TIMEOUT_S = 120
"""Longest wait for an answer; a peer with 32 annotators needs it."""
UNREACHABLE = (OSError, HTTPException)
"""Errors of a connection whose server is gone."""


class Refused(Exception):
    """The server answered with an error status."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body[:200]}")
        self.status = status


class Finished(Exception):
    """Nothing is left for this annotator."""


class Connection:
    """One annotator's keep-alive connection, which speaks JSON.

    It uses `http.client`, because the annotators share the machine with what is measured: it costs
    a fraction of a fuller client.
    """

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        self._headers = headers

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Returns the answer. Raises `Refused`, or one of `UNREACHABLE`."""
        data = None if body is None else json.dumps(body).encode()
        headers = self._headers | ({"Content-Type": "application/json"} if data else {})
        self._connection.request(method, path, data, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise Refused(answer.status, text.decode(errors="replace"))
        return json.loads(text)


class Server(Protocol):
    """A server to label at."""

    def next(self) -> str | None:
        """Returns the pair to decide; None when there is none just now. Raises `Finished`."""

    def vote(self, pair: str) -> str:
        """Votes on the pair; returns the key under which the server acknowledged the vote."""


class ThriceServer:
    """Our label page without a prefetch: a pair is asked for when the one before is decided."""

    def __init__(self, connection: Connection, campaign: int) -> None:
        self._connection = connection
        self._next = f"/api/v1/campaigns/{campaign}/next"
        self._asked = {"n": 1, "have": [], "tab": token_hex(8)}

    def next(self) -> str | None:
        answer = self._connection.ask("POST", self._next, self._asked)
        if answer["pairs"]:
            return str(answer["pairs"][0]["key"])
        if answer["finished"]:
            raise Finished
        return None

    def vote(self, pair: str) -> str:
        body = {"outcome": "left", "strength": 1, "decided_ms": 1000, "client": "bench"}
        assert self._connection.ask("POST", f"/api/v1/labels/{pair}/vote", body)["stored"]
        return pair


class LabelStudioServer:
    """A label stream of Label Studio, by the requests its own page makes."""

    def __init__(self, connection: Connection, project: int) -> None:
        self._connection = connection
        self._next = f"/api/projects/{project}/next/"

    def next(self) -> str | None:
        try:
            return str(self._connection.ask("GET", self._next)["id"])
        except Refused as error:
            if error.status == 404:
                raise Finished from error
            raise

    def vote(self, pair: str) -> str:
        chosen = {"from_name": "pw", "to_name": "left,right", "type": "pairwise"}
        body = {"result": [chosen | {"value": {"selected": "left"}}], "lead_time": 1.0}
        return str(self._connection.ask("POST", f"/api/tasks/{pair}/annotations/", body)["id"])


def connect(side: str, port: int, headers: dict[str, str], work_id: int) -> Server:
    """Connects to a server of `side`; `work_id` is the campaign's or the project's id."""
    connection = Connection(port, headers)
    match side:
        case "thrice":
            return ThriceServer(connection, work_id)
        case "label_studio":
            return LabelStudioServer(connection, work_id)
        case other:
            raise SystemExit(f"There is no side {other!r}; say thrice or label_studio.")
