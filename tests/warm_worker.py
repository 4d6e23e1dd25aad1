"""Workers and training processes that are forked, instead of started, by one that has imported torch.

A training process spends six seconds of a core on imports, and these tests start some thirty. What
is forked is as real as what is started: a process of its own, the worker's child, in a process
group of its own, killed when its worker is. Only `exec` and the imports are left out; they are in
the tests of the app, of the command line and of the launcher, which start what users start.

    pytest ── template ── worker ─┬─ launcher: forked before the worker opens its database
                                  └─ training process: the launcher's grandchild, handed on when
                                     the process between them ends
"""

import array
import ctypes
import gc
import json
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
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent.parent
LAUNCHER = "launcher"
_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG, _PR_SET_NAME, _PR_SET_CHILD_SUBREAPER = 1, 15, 36


class Template:
    """The process that everything is forked from; it ends with the tests' end of its connection."""

    def __init__(self) -> None:
        self._here, there = socket.socketpair()
        subprocess.Popen(
            [sys.executable, __file__, str(there.fileno())],
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
            pass_fds=[there.fileno()],
        )
        there.close()

    def start_worker(self, flags: tuple[str, ...], environment: dict[str, str]) -> "WarmWorker":
        _send(self._here, {"flags": flags, "environment": environment})
        return WarmWorker(self, int(_receive(self._here)[0]["pid"]))

    def status_of(self, pid: int) -> int | None:
        """How a worker ended, as `Popen.returncode` says it; None while it runs."""
        _send(self._here, {"status_of": pid})
        status: int | None = _receive(self._here)[0]["status"]
        return status


@cache
def template() -> Template:
    return Template()


class WarmWorker:
    """A worker process, with what the tests use of a `Popen`."""

    def __init__(self, forked_by: Template, pid: int) -> None:
        self.pid = pid
        self._template = forked_by
        self._returncode: int | None = None

    def poll(self) -> int | None:
        if self._returncode is None:
            self._returncode = self._template.status_of(self.pid)
        return self._returncode

    def wait(self, timeout: float = 120) -> int:
        until = time.monotonic() + timeout
        while (status := self.poll()) is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired("worker", timeout)
            time.sleep(0.01)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Forked(subprocess.Popen[bytes]):
    """A child that is there already, with all that a `Popen` can do with one."""

    def __init__(self, pid: int) -> None:
        self.pid, self.args = pid, []
        self.returncode: int | None = None  # type: ignore[assignment]
        self.stdin = self.stdout = self.stderr = None
        self._waitpid_lock = threading.Lock()
        self._child_created = True


def children_of(pid: int) -> list[int]:
    """A worker's children, without its launcher."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    return [int(each) for each in found if _name_of(each) != LAUNCHER]


def _name_of(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def _serve_tests(connection: socket.socket) -> None:
    """In the template: fork workers and tell how they ended."""
    statuses: dict[int, int] = {}
    while (asked := _receive(connection)[0]) is not None:
        if "flags" in asked:
            pid = _fork(_be_worker, connection, asked["flags"], asked["environment"])
            _send(connection, {"pid": pid})
            continue
        pid = asked["status_of"]
        if pid not in statuses and (found := os.waitpid(pid, os.WNOHANG))[0]:
            statuses[pid] = os.waitstatus_to_exitcode(found[1])
        _send(connection, {"status": statuses.get(pid)})


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
        _send(mine, named, options["stdout"].fileno())
        return Forked(int(_receive(mine)[0]["pid"]))

    subprocess.Popen = start_warm  # type: ignore[assignment, misc]
    sys.argv = ["training.worker", *flags]
    return worker.main()


def _be_launcher(connection: socket.socket, workers_end: socket.socket, worker_pid: int) -> int:
    """Fork what the worker asks for; end with the worker."""
    workers_end.close()
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    while True:
        asked, (output,) = _receive(connection)
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
    _send(connection, {"pid": os.getpid()})
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


def _send(to: socket.socket, message: dict[str, Any], *descriptors: int) -> None:
    content = json.dumps(message).encode()
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
    to.sendmsg([len(content).to_bytes(4)], rights if descriptors else [])
    to.sendall(content)


def _receive(source: socket.socket) -> tuple[Any, list[int]]:
    """The next message and the open files that came with it. Raises `EOFError` at the end."""
    size, rights, *_ = source.recvmsg(4, socket.CMSG_SPACE(4))
    if not size:
        raise EOFError
    descriptors = array.array("i")
    for _, _, given in rights:
        descriptors.frombytes(given)
    return json.loads(source.recv(int.from_bytes(size), socket.MSG_WAITALL)), list(descriptors)


def _be_template(descriptor: int) -> int:
    """Import what training processes import, and wait for the tests."""
    from training import run, worker

    assert run, worker
    threads = [
        each.joinpath("comm").read_text(encoding="utf-8").strip()
        for each in Path("/proc/self/task").iterdir()
    ]
    assert len(set(threads) - {"jemalloc_bg_thd"}) == 1, threads  # that one expects to be forked
    gc.collect()
    gc.freeze()  # the parts of what was imported stay shared
    _serve_tests(socket.socket(fileno=descriptor))
    return 0


if __name__ == "__main__":
    _end_as(_be_template, (int(sys.argv[1]),))
