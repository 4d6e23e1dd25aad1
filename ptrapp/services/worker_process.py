"""A training worker of this process's own: started beside it, and gone when it is gone."""

import os
import subprocess
import sys

from ptrapp.core.import_path import with_import_path
from ptrapp.core.settings import Settings


def start_worker(settings: Settings) -> subprocess.Popen[bytes]:
    """Start a worker; it ends when this process does, however that ends.

    It is told where our code lies and works in the same folder: a relative path of a model or a
    database means the same to both.
    """
    environment = with_import_path(os.environ | settings.as_environment())
    command = [sys.executable, "-m", "training.worker", "--exit-with-parent"]
    return subprocess.Popen(command, env=environment, start_new_session=True)


def stop_worker(worker: subprocess.Popen[bytes]) -> None:
    """Let it put its job back and end; killed if that takes more than ten seconds."""
    worker.terminate()
    try:
        worker.wait(timeout=10)
    except subprocess.TimeoutExpired:
        worker.kill()
