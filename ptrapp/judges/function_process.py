"""Runs a judge's function in a process of its own: `python -m ptrapp.judges.function_process NAME`.

One JSON object a line comes in with the keyword arguments of a call, one goes out: `{"scores": …}`
or `{"error": …}`. What the function prints goes to the error stream. The process ends with its
standard input, even while the function runs.
"""

import contextlib
import importlib
import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

Function = Callable[..., Any]
_MOST_TOLD = 5
_told: set[type[BaseException]] = set()
"""Kinds of errors whose traceback was printed: of each one, or a log has nothing else."""


def serve(name: str) -> None:
    """Answers calls until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever the function prints, in C as well, is no answer
    calls: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read, args=(calls,), daemon=True).start()
    sys.path.append(str(Path.cwd()))  # last: a namesake there hides none of what is installed
    with contextlib.redirect_stdout(sys.stderr):
        while True:
            reply = _answer(name, json.loads(calls.get()))
            answers.write(json.dumps(reply) + "\n")
            answers.flush()


def load(name: str) -> Function:
    """Imports `module:function`; modules of the working folder are found too."""
    module, _, attribute = name.partition(":")
    function = getattr(importlib.import_module(module), attribute)
    if not callable(function):
        raise TypeError(f"{name} is no function")
    return function


def _answer(name: str, call: dict[str, Any]) -> dict[str, Any]:
    try:
        scores = load(name)(**call)
        return {"scores": [None if one is None else float(one) for one in scores]}
    except BaseException as error:  # noqa: BLE001 - a stranger may raise anything, exit() included
        if len(_told) < _MOST_TOLD and (kind := type(error)) not in _told:
            _told.add(kind)
            traceback.print_exc()  # to the log, where the whole of it is looked for
        return {"error": f"{type(error).__name__}: {error}"[:500]}


def _read(calls: "queue.Queue[str]") -> None:
    for line in sys.stdin:
        calls.put(line)
    os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1])
