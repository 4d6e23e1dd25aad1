"""The version `demo`, which is shipped beside the bundled model, and the recorded run of it.

A small LoRA that our own thought-mask fine-tuning made: with it asking again visibly mends
answers before anybody trained. `python -m bench.demo` makes everything here.
"""

import json
import logging
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from db.models import AdapterStatus, GateState
from db.registry import adapters, evaluations, gates, leaderboard
from db.registry.contents import weights_sha256
from db.registry.stored_paths import same_model, to_stored
from db.storage.errors import DatabaseError
from ptrapp.core.settings import ASSETS, BUNDLED_MODEL
from ptrapp.core.types import BASE
from ptrapp.services import versions
from ptrapp.services.context import AppContext

log = logging.getLogger(__name__)

NAME = "demo"
TITLE = "Learnt to think again"
NOTE = (
    "Shipped with the bundled model: thought-mask fine-tuning on worked solutions, measured on "
    "problems it never saw. Made by python -m bench.demo."
)
FOLDER = ASSETS / "demo"
TASK = "generated"
"""The task whose figures stand beside the recording: problems it never saw."""
EVALUATION, RECORDED = "evaluation.json", "recorded.json"
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


@cache
def recorded() -> dict[str, Any]:
    """Returns the recorded run: prompt, reference answer, the command that made it, and the rounds
    of `demo` and of `base`."""
    found: dict[str, Any] = json.loads((FOLDER / RECORDED).read_text(encoding="utf-8"))
    return found


def recording(context: AppContext) -> dict[str, Any]:
    """Returns the recorded run with the name of its version, what was measured of that, and the
    name of the version that answers whoever asks the same."""
    about = {"version": NAME, "measured": _measured(context), "serving": versions.serving(context)}
    return recorded() | about


def _measured(context: AppContext) -> str:
    """Returns the accuracy of each round, as the database has it."""
    with context.database.read() as session:
        row = adapters.by_name(session, NAME)
        rows = leaderboard.measures(session, TASK, [row.id]) if row else []
    by_round = sorted(rows, key=lambda one: one.round_index)
    if len(by_round) < 2:
        return ""
    rates = ", ".join(f"{one.rate:.0%}" for one in by_round)
    return f"{NAME}: {rates} right in rounds 1 to {len(by_round)}, n = {by_round[0].n}"


def register(context: AppContext) -> None:
    """Registers the version with its measurements, once, where the bundled model answers.

    Its files are copied, so that a backup has them. It does not serve until somebody chooses it.
    """
    settings, base_model = context.settings, context.engine.model_id
    if not same_model(base_model, str(BUNDLED_MODEL), settings.data_dir):
        return
    folder = settings.adapters_dir / NAME
    try:
        _put_in_place(folder)
        _store(context, folder, base_model)
    except (OSError, DatabaseError) as error:
        log.warning("The version %s is left out at this start: %s", NAME, error)


def _store(context: AppContext, folder: Path, base_model: str) -> None:
    """Stores the version and its measurements, unless it was ever stored."""
    settings = context.settings
    with context.database.read() as session:
        if adapters.by_name(session, NAME) is not None:
            return
    measured = json.loads((FOLDER / EVALUATION).read_text(encoding="utf-8"))
    with context.database.write() as session:
        row = adapters.register(
            session,
            name=NAME,
            parent_id=None,
            job_id=None,
            snapshot_id=None,
            base_model=base_model,
            path=to_stored(folder, settings.data_dir),
            sha256=weights_sha256(folder),
            metrics={},
        )
        row.status = AdapterStatus.RETIRED  # it serves when somebody chooses it
        adapters.describe(session, row.id, TITLE, NOTE)
        gates.decide(session, row.id, GateState.PASSED, "measured before it was shipped", {})
        for one in measured:
            version = one.pop("version")
            evaluations.add_once(
                session,
                adapter_id=None if version == BASE.label else row.id,
                setting=f"greedy, {one['control']}, shipped",
                **one,
            )
    log.info("the version %s is there", NAME)


def _put_in_place(folder: Path) -> None:
    """Copies the shipped weights under the name, whole or not at all, unless they are there."""
    if folder.is_dir() and weights_sha256(folder) == weights_sha256(FOLDER):
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{NAME}-"))
    try:
        for name in (WEIGHTS, CONFIG):
            shutil.copyfile(FOLDER / name, unfinished / name)
        unfinished.chmod(0o755)
        if folder.is_dir():  # cut short, or changed: a version's content never does
            shutil.rmtree(folder)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
