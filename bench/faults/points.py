"""The kill points: what is killed, at which moment, and how it is brought back."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from random import Random
from typing import Any

import httpx

from bench.faults.world import LEASE_S, World
from bench.labels.app import ROOT
from bench.labels.processes import clean_environment
from db.labelling import imports
from db.models import ImportState, JobStatus

JOB_S = 120.0
"""Longest wait for a job to be claimed, and to be claimed again after a kill."""
N_ROWS = 2600
"""Rows of an import: over the bound from which it is written in pieces."""


def kill_app(world: World, random: Random) -> dict[str, Any]:
    """Kills the app while people vote."""
    time.sleep(random.uniform(0.1, 2))
    world.kill_app()
    world.restart_app()
    return {}


def kill_worker(world: World, random: Random) -> dict[str, Any]:
    """Kills the worker somewhere in a job; the next one takes the job over."""
    before = world.running_job(JOB_S)
    time.sleep(random.uniform(0, 6))
    world.kill_worker()
    before = world.job(before.id)
    world.restart_worker()
    return _what_became_of_the_job(world, before.id, before.n_claims)


def kill_job(world: World, random: Random) -> dict[str, Any]:
    """Kills the process that trains, and not the worker."""
    before = world.running_job(JOB_S)
    time.sleep(random.uniform(0, 6))
    before = world.job(before.id)
    if not world.kill_job():
        return {"job": "had just ended"}
    return _what_became_of_the_job(world, before.id, before.n_claims)


def kill_import(world: World, random: Random) -> dict[str, Any]:
    """Kills the app while it stores an import in pieces; the next start finishes it."""
    name = f"cut-{random.getrandbits(40):x}"
    answers: list[int] = []

    def bring() -> None:
        path = f"{world.app.address}/api/v1/import?file={name}.jsonl"
        with suppress(httpx.TransportError):  # it is killed
            answers.append(httpx.post(path, content=_rows(name), timeout=60).status_code)

    importing = threading.Thread(target=bring)
    importing.start()
    time.sleep(random.uniform(0, 4))
    world.kill_app()
    importing.join()
    world.restart_app()
    state, n_new = _ended_import(world, name)
    whole = state == ImportState.DONE and n_new == N_ROWS
    if answers == [200] and not whole:
        return {"import": state, "problem": f"{name} was acknowledged and is {state}: {n_new} rows"}
    if not whole and state != "never begun":
        return {"import": state, "problem": f"{name} is {state} with {n_new} of {N_ROWS} rows"}
    return {"import": "acknowledged" if answers == [200] else f"cut off, {state}"}


def kill_backup(world: World, random: Random) -> dict[str, Any]:
    """Kills `thrice backup` while it writes; what is left is a whole backup or none."""
    folder = world.settings.backups_dir
    known = set(folder.glob("thrice-*"))
    environment = clean_environment("THRICE_") | world.settings.as_environment()
    with (world.folder / "backup.log").open("ab") as log:
        command = [sys.executable, "-m", "ptrapp", "backup", "--no-test"]
        program = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    while program.poll() is None and not list(folder.glob(".thrice-*")):
        time.sleep(0.005)
    time.sleep(random.uniform(0, 0.5))
    os.kill(program.pid, signal.SIGKILL)
    program.wait()
    made = set(folder.glob("thrice-*")) - known
    return {"backup": "whole" if made else "none"}


POINTS = {
    "app": kill_app,
    "worker": kill_worker,
    "job": kill_job,
    "import": kill_import,
    "backup": kill_backup,
}


def _what_became_of_the_job(world: World, job_id: int, n_claims: int) -> dict[str, Any]:
    """Waits until the job is claimed again or has ended; a failed one must say why."""
    until = time.monotonic() + LEASE_S + JOB_S
    while time.monotonic() < until:
        job = world.job(job_id)
        if job.status is JobStatus.DONE:
            return {"job": "had just ended"}
        if job.status is JobStatus.FAILED:
            if job.error:
                return {"job": "said why not", "error": job.error}
            return {"job": "failed", "problem": f"job {job_id} failed and does not say why"}
        if job.status is JobStatus.RUNNING and job.n_claims > n_claims:
            return {"job": "resumed"}
        time.sleep(0.1)
    return {"job": "lost", "problem": f"job {job_id} is {job.status} and nobody goes on with it"}


def _ended_import(world: World, name: str) -> tuple[str, int]:
    """Waits until no import of this name runs any more; returns its state and its new rows."""
    until = time.monotonic() + JOB_S
    while time.monotonic() < until:
        with world.database.read() as session:
            found = [row for row in imports.page(session)[0] if name in (row.name, row.file[:-6])]
        if not found:
            return "never begun", 0
        if found[0].state is not ImportState.RUNNING:
            return found[0].state.value, found[0].n_new
        time.sleep(0.2)
    return "running still", found[0].n_new


def _rows(name: str) -> bytes:
    rows = (
        {"prompt": f"{name} {number}?", "chosen": "It is so.", "rejected": "It is not so."}
        for number in range(N_ROWS)
    )
    return "".join(json.dumps(row) + "\n" for row in rows).encode()
