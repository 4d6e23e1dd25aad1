"""Runs one claimed job in its own process: `python -m training.run JOB_ID`, started by the worker.

The claim's token comes in the environment, and the settings as everywhere.
"""

import argparse
import logging
import os
import signal
import warnings
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
import transformers

from db.models import Job, JobKind
from db.registry import jobs
from db.registry.stored_paths import located
from db.storage.errors import Conflict, DatabaseError, DiskFull
from db.storage.session import Database, open_database
from ptrapp.core import disk, logs
from ptrapp.core.errors import ThriceError
from ptrapp.core.progress import logged_once
from ptrapp.core.settings import Settings, load_settings
from ptrapp.engines.local.device import best_device
from ptrapp.models.finding import find_model
from ptrapp.recipes.reading import read
from training.data import snapshot
from training.jobs.claim import TOKEN_VARIABLE, Claim, Exit, StopRequested
from training.jobs.payload import Payload
from training.jobs.ranks import Ranks
from training.jobs.sinks import Sinks, open_sinks
from training.recipes import dpo, evaluate, judge, mask_sft, ptr_data, reward_model, tpo

log = logging.getLogger(__name__)

NICENESS = 10
"""By which a job stands back behind pages and the model that answers, where they share cores."""


def main() -> int:
    os.nice(NICENESS)
    parser = argparse.ArgumentParser(prog="python -m training.run")
    parser.add_argument("job_id", type=int)
    job_id = parser.parse_args().job_id
    token = os.environ.pop(TOKEN_VARIABLE, "")
    settings = load_settings()
    logs.set_up(settings.log_level, dated=True)
    _silence_libraries()
    if torch.accelerator.is_available():
        torch.accelerator.set_device_index(int(os.environ.get("LOCAL_RANK", 0)))
    # One core stays with the app, which goes on serving: threads that wait for a core cost dearly.
    torch.set_num_threads(settings.threads or max(1, torch.get_num_threads() - 1))
    database = open_database(settings.database)
    try:
        return _run_job(database, settings, job_id, token)
    finally:
        database.dispose()


def _run_job(database: Database, settings: Settings, job_id: int, token: str) -> Exit:
    try:
        ranks = Ranks.join(cpu=best_device(settings.device) == "cpu")
        claim = _claim(database, settings, job_id, token, leads=ranks.leads)
        signal.signal(signal.SIGTERM, lambda *_: claim.stop.set())
        if ranks.leads:
            snapshot.bring(claim)
        with closing(_mirrored(claim)) as sinks:
            _run_recipe(replace(claim, sinks=sinks), ranks)
    except StopRequested:
        log.info("job %d: stopped on request, its last checkpoint is kept", job_id)
        return Exit.STOPPED
    except Exception as error:  # the outermost frame: every failure is stored on the job
        if _for_want_of_room(error, settings):
            log.error("job %d: the disk is full (%s)", job_id, error)
            return Exit.DISK_FULL
        if isinstance(error, ThriceError | DatabaseError):
            return _fail(database, job_id, token, str(error))
        log.exception("job %d failed", job_id)
        return _fail(database, job_id, token, f"{type(error).__name__}: {error}")
    return Exit.DONE


def _run_recipe(claim: Claim, ranks: Ranks) -> None:
    match claim.kind:
        case JobKind.DPO:
            dpo.run(claim, ranks)
        case JobKind.MASK_SFT:
            mask_sft.run(claim, ranks)
        case JobKind.PTR_DATA:
            ptr_data.run(claim, ranks)
        case JobKind.TPO:
            tpo.run(claim, ranks)
        case JobKind.REWARD_MODEL:
            reward_model.run(claim, ranks)
        case JobKind.EVALUATE:
            evaluate.run(claim, ranks)
        case JobKind.JUDGE:
            judge.run(claim, ranks)


def _mirrored(claim: Claim) -> Sinks:
    """Opens the sinks that the operator asked for; only the leader's metrics are stored."""
    names = claim.settings.sink if claim.leads else ()
    run = f"{claim.kind.value}-{claim.job_id:06d}"
    chosen = claim.payload.settings
    warn = partial(claim.note, level="warning")
    return open_sinks(names, claim.settings.data_dir, run, chosen, warn)


def _for_want_of_room(error: Exception, settings: Settings) -> bool:
    """Returns whether the disk is full: as the error says it, or seen for one that does not."""
    if isinstance(error, DiskFull) or disk.is_full(error):
        return True
    unexpected = not isinstance(error, ThriceError | DatabaseError)
    return unexpected and disk.is_nearly_full(settings.data_dir)


def _claim(
    database: Database, settings: Settings, job_id: int, token: str, *, leads: bool
) -> Claim:
    with database.read() as session:
        job = session.get(Job, job_id)
    if job is None or job.claim_token != token:
        raise Conflict(f"Job {job_id} is not claimed by this process.")
    payload = read(Payload, job.payload, "payload")
    settings = _with_base_model(settings, payload.base_model)
    return Claim(database, settings, job_id, token, job.kind, payload, leads=leads)


def _with_base_model(settings: Settings, named: str) -> Settings:
    """Returns the settings with the model that the job is for, made one that can be loaded.

    A server has the model that is asked, and names it itself where nobody else does.
    """
    if named:
        moved = Path(named).is_absolute()  # with the data folder, perhaps
        settings = settings.with_model(str(located(named, settings.data_dir)) if moved else named)
    if settings.engine == "local" or named:
        settings = find_model(settings, logged_once(log))
    return settings


def _fail(database: Database, job_id: int, token: str, reason: str) -> Exit:
    """Stores the reason on the job, unless another worker has claimed it meanwhile."""
    try:
        with database.write() as session:
            jobs.fail(session, job_id, token, reason)
    except Conflict as lost:
        log.warning("%s", lost)
        if reason != str(lost):
            log.warning("job %d had ended here: %s", job_id, reason)
        return Exit.FENCED
    log.error("job %d: %s", job_id, reason)
    return Exit.FAILED


def _silence_libraries() -> None:
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    warnings.filterwarnings("ignore", category=FutureWarning)


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    os._exit(status)  # all is stored and closed; taking torch down politely takes a second
