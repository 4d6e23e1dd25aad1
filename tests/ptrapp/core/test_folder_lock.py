"""A lock keeps others out, ends with its process however that ends, and is not in anybody's way."""

import errno
import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from ptrapp.core.folder_lock import Held, hold

HOLDER = """
import sys, time
from pathlib import Path
from ptrapp.core.folder_lock import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    command = [sys.executable, "-c", HOLDER, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(Held, match=f"process {other.pid} on "):
            with hold(file):
                pass
        other.kill()
    with hold(file):
        pass


def test_a_shared_lock_keeps_out_only_who_wants_it_alone(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    with hold(file, shared=True), hold(file, shared=True):
        with pytest.raises(Held), hold(file):
            pass
    with hold(file), pytest.raises(Held), hold(file, shared=True):
        pass


def test_a_file_system_without_locks_is_said_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unsupported(_descriptor: int, _kind: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with hold(tmp_path / "lock"):
        assert "never start two" in caplog.text
