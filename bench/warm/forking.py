"""The template: imports everything once, then is forked into whatever is asked for."""

import ctypes
import gc
import logging
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from bench.warm.messages import LAUNCHER, receive, send

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG, _PR_SET_NAME, _PR_SET_CHILD_SUBREAPER = 1, 15, 36


class Forked(subprocess.Popen[bytes]):
    """A child that is there already, with all that a `Popen` can do with one."""

    def __init__(self, pid: int) -> None:
        self.pid, self.args = pid, []
        self.returncode: int | None = None
        self.stdin = self.stdout = self.stderr = None
        self._waitpid_lock = threading.Lock()
        self._child_created = True


def _serve(connection: socket.socket) -> None:
    """In the template: fork workers and apps and tell how they ended."""
    statuses: dict[int, int] = {}
    while (asked := receive(connection)[0]) is not None:
        if "flags" in asked:
            pid = _fork(_be_worker, connection, asked["flags"], asked["environment"])
            send(connection, {"pid": pid})
            continue
        if "ready" in asked:
            send(connection, {})
            continue
        if "app" in asked:
            pid = _fork(_be_app, connection, asked["app"], asked["environment"], asked["log"])
            send(connection, {"pid": pid})
            continue
        pid = asked["status_of"]
        if pid not in statuses and (found := os.waitpid(pid, os.WNOHANG))[0]:
            statuses[pid] = os.waitstatus_to_exitcode(found[1])
        send(connection, {"status": statuses.get(pid)})


def _be_worker(connection: socket.socket, flags: list[str], environment: dict[str, str]) -> int:
    """`python -m training.worker`, but what it would start is forked."""
    from training import worker

    connection.close()
    _be_environment(environment)
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    mine, launchers = socket.socketpair()
    name = Path("/proc/self/comm").read_text(encoding="utf-8").strip()
    _LIBC.prctl(_PR_SET_NAME, LAUNCHER.encode())  # its name from its first moment: `children_of`
    _fork(_be_launcher, launchers, mine, os.getpid())
    _LIBC.prctl(_PR_SET_NAME, name.encode())
    launchers.close()
    start = subprocess.Popen

    def start_warm(command: list[str], **options: Any) -> "subprocess.Popen[bytes]":
        if command[:3] != [sys.executable, "-m", "training.run"]:
            return start(command, **options)
        named = {"arguments": command[3:], "environment": dict(options["env"])}
        named["first"] = options["preexec_fn"].__name__
        assert options["process_group"] == 0
        send(mine, named, options["stdout"].fileno())
        return Forked(int(receive(mine)[0]["pid"]))

    subprocess.Popen = start_warm  # type: ignore[assignment, misc]
    sys.argv = ["training.worker", *flags]
    return worker.main()


def _be_app(
    connection: socket.socket, flags: list[str], environment: dict[str, str], log: str
) -> int:
    """`python app.py`, which ends with the template."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    connection.close()
    _be_environment(environment)
    written = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(written, 1)
    os.dup2(written, 2)
    sys.argv = ["app.py", *flags]
    runpy.run_module("ptrapp", run_name="__main__", alter_sys=True)
    return 0


def _be_launcher(connection: socket.socket, workers_end: socket.socket, worker_pid: int) -> int:
    """Fork what the worker asks for; end with the worker."""
    workers_end.close()
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    while True:
        asked, (output,) = receive(connection)
        between = _fork(_be_between, connection, output, asked, worker_pid)
        os.close(output)
        os.waitpid(between, 0)


def _be_between(connection: socket.socket, output: int, asked: Any, worker_pid: int) -> int:
    """Fork the training process and end: its parent is then the worker."""
    _fork(_be_training, connection, output, asked, worker_pid, os.getpid())
    return 0


def _be_training(
    connection: socket.socket, output: int, asked: Any, worker_pid: int, between_pid: int
) -> int:
    """`python -m training.run`, as the worker's child."""
    from training import worker

    while os.getppid() == between_pid:
        time.sleep(0.001)
    getattr(worker, asked["first"])()
    if os.getppid() != worker_pid:
        return 1
    os.setpgid(0, 0)
    _LIBC.prctl(_PR_SET_NAME, b"training")
    _be_environment(asked["environment"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    send(connection, {"pid": os.getpid()})
    connection.close()
    sys.argv = ["training.run", *asked["arguments"]]
    runpy.run_module("training.run", run_name="__main__", alter_sys=True)
    return 0


def _be_environment(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)


def _fork(be: Callable[..., int], *given: Any) -> int:
    """Fork a process that is this function and ends with its result; returns the process id."""
    return os.fork() or _end_as(be, given)


def _end_as(be: Callable[..., int], given: tuple[Any, ...]) -> NoReturn:
    status = 70
    try:
        status = be(*given)
    except EOFError:  # the other end has gone
        status = 0
    except BaseException:  # noqa: BLE001  the outermost frame of a process
        traceback.print_exc()
    finally:
        logging.shutdown()
        os._exit(status)


def _be_template(descriptor: int, *, with_app: bool) -> int:
    """Import what training processes import, and wait for orders."""
    from training import run, worker

    assert run, worker
    if with_app:
        from ptrapp import app

        assert app
    threads = [
        each.joinpath("comm").read_text(encoding="utf-8").strip()
        for each in Path("/proc/self/task").iterdir()
    ]
    assert len(set(threads) - {"jemalloc_bg_thd"}) == 1, threads  # that one expects to be forked
    gc.collect()
    gc.freeze()  # the parts of what was imported stay shared
    _serve(socket.socket(fileno=descriptor))
    return 0


def _be_main(descriptor: str, what: str) -> int:
    return _be_template(int(descriptor), with_app=what == "app")


if __name__ == "__main__":
    _end_as(_be_main, tuple(sys.argv[1:]))
