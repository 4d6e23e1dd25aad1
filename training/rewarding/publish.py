"""Publishes a trained judge: its folder, a rater and the job's end in one commit.

::

    data/judges/reward-000012/
        config.json  model.safetensors  tokenizer…     what `ptrapp.judges.reward_model` loads
        thrice.json                                    where it comes from
"""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from db.labelling import raters
from db.models import RaterKind
from db.registry import jobs
from db.storage import atomic_folder
from ptrapp.judges.base import rater_name
from training.jobs.claim import Claim
from training.policy.model import MANIFEST
from training.rewarding.classifier import Classifier

log = logging.getLogger(__name__)


def name_of(claim: Claim) -> str:
    """Returns the name of the judge that a job trains."""
    return f"reward-{claim.job_id:06d}"


def publish(claim: Claim, model: Classifier, evaluate: Callable[[Path], dict[str, Any]]) -> str:
    """Writes the judge's folder, evaluates the judge as written and registers it; returns its name.

    `evaluate` returns the job's result. Inside the one transaction the claim is checked first, so a
    process that lost its job leaves neither a rater nor a folder under the name.
    """
    name = name_of(claim)
    final = (claim.settings.judges_dir / name).resolve()
    with atomic_folder.unfinished_folder(final, claim.token[:8]) as unfinished:
        model.save(unfinished)
        result = evaluate(unfinished) | {"judge": name, "path": str(final), "base": model.base}
        manifest = {"name": name, "recipe": claim.kind.value, "job": claim.job_id, **result}
        (unfinished / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")
        atomic_folder.flush_tree(unfinished)
        config = {key: result[key] for key in ("path", "base", "accuracy", "n_pairs")}
        with claim.database.write() as session:
            jobs.finish(session, claim.job_id, claim.token, result)
            rater = raters.ensure_rater(session, RaterKind.JUDGE, rater_name(name))
            rater.config = config | {"job": claim.job_id}
            atomic_folder.put_in_place(unfinished, final)
    log.info("job %d: the judge %s is ready", claim.job_id, name)
    return name
