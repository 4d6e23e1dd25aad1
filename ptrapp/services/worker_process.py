"""Starts a training worker beside this process; the worker ends when this process does."""

import os
import subprocess
import sys

from ptrapp.core.import_path import with_import_path
from ptrapp.core.settings import Settings


def start_worker(settings: Settings) -> subprocess.Popen[bytes]:
    """Starts a worker that ends when this process does, however that ends.

    It gets this process's import path and works in the same folder, so that a relative path of a
    model or a database means the same to both.
    """
    environment = with_import_path(os.environ | settings.as_environment())
    command = [sys.executable, "-m", "training.worker", "--exit-with-parent"]
    return subprocess.Popen(command, env=environment, start_new_session=True)


def stop_worker(worker: subprocess.Popen[bytes]) -> None:
    """Ends a worker, which requeues its job first; kills it if that takes over ten seconds."""
    worker.terminate()
    try:
        worker.wait(timeout=10)
    except subprocess.TimeoutExpired:
        worker.kill()
