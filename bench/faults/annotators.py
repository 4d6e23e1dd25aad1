"""People who vote through every restart, and keep what was acknowledged to each of them.

As the Label page does, they send a vote again that was not answered: it must then be there once.
"""

import threading
import time
from collections.abc import Callable

from bench.labels.servers import UNREACHABLE, Connection, Finished, Refused, ThriceServer

PAUSE_S = 0.2
"""Seconds that a person needs for a decision: the machine is for the kills, not for the votes."""
RETRY_S = 0.2


class Annotators:
    """Threads that label a campaign at whatever port the app has now, until they are stopped."""

    def __init__(
        self, port: Callable[[], int], campaign: int, headers: list[dict[str, str]]
    ) -> None:
        self._port = port
        self._campaign = campaign
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._acknowledged: list[str] = []
        self._n_unanswered = self._n_sent_again = 0
        self._errors: dict[str, int] = {}
        self._threads = [
            threading.Thread(target=self._label, args=(each,), daemon=True) for each in headers
        ]
        for thread in self._threads:
            thread.start()

    @property
    def acknowledged(self) -> list[str]:
        """Keys of the votes that the app said are stored."""
        with self._lock:
            return list(self._acknowledged)

    @property
    def n_unanswered(self) -> int:
        """Tries without an answer: while the app is away everybody tries every `RETRY_S`."""
        return self._n_unanswered

    @property
    def n_sent_again(self) -> int:
        """Votes that were acknowledged only after they had been sent again."""
        return self._n_sent_again

    @property
    def errors(self) -> dict[str, int]:
        """Refusals, by their words: there should be none."""
        with self._lock:
            return dict(self._errors)

    def close(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _label(self, headers: dict[str, str]) -> None:
        unanswered: str | None = None
        while not self._stop.is_set():
            try:
                server = ThriceServer(Connection(self._port(), headers), self._campaign)
                while not self._stop.is_set():
                    again = unanswered is not None
                    unanswered = unanswered or server.next()
                    if unanswered is not None:
                        server.vote(unanswered)
                        with self._lock:
                            self._acknowledged.append(unanswered)
                            self._n_sent_again += again
                        unanswered = None
                    time.sleep(PAUSE_S)
            except Finished:
                return
            except Refused as error:
                unanswered = None
                with self._lock:
                    self._errors[str(error)] = self._errors.get(str(error), 0) + 1
            except UNREACHABLE:
                with self._lock:
                    self._n_unanswered += 1
            self._stop.wait(RETRY_S)
