"""Publishes a trained version: its folder under its name, then its row and the job in one commit.

::

    data/adapters/dpo-000012/
        adapter_model.safetensors   adapter_config.json      what peft and servers read
        thrice.json                 README.md                where it comes from

A full fine-tune has a whole model there instead of an adapter. It is registered as retired: it is
served by starting the app on it, not beside other versions.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from peft import PeftModel
from torch import Tensor

from db.models import Adapter, AdapterStatus, Snapshot
from db.registry import adapters, jobs
from db.registry.contents import weights_sha256
from db.registry.stored_paths import located, to_stored
from db.storage import atomic_folder
from db.storage.session import Session
from ptrapp.artifacts import rows
from ptrapp.recipes.training import Tune
from training.jobs.claim import Claim
from training.jobs.patience import patiently
from training.policy.model import MANIFEST, Policy

log = logging.getLogger(__name__)

ADAPTER_FILES = {"adapter_model.safetensors", "adapter_config.json", MANIFEST, "README.md"}
"""The only files that an adapter folder may contain."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a version, as its manifest states it."""

    parent: Adapter | None
    snapshot: Snapshot | None
    """None in a process that does not write."""
    settings: dict[str, Any]
    """The recipe's settings as run, with every default filled in."""
    metrics: dict[str, Any]


def publish(
    claim: Claim,
    policy: Policy,
    weights: dict[str, Tensor],
    origin: Origin,
    *,
    conclude: Callable[[Session, Adapter], dict[str, Any]] | None = None,
) -> str:
    """Writes the adapter folder, then registers the version and ends the job. Returns its name.

    `weights` are the trained ones, named as in the scorer. `conclude` stores what follows from the
    version in that same transaction, and returns what the job found.

    Everything is on the disk, and in the artifact store, before the one transaction; inside it the
    claim is checked first, so a process that lost its job leaves neither a row nor a folder under
    the name.
    """
    name = f"{claim.kind.value}-{claim.job_id:06d}"
    if not claim.leads:
        return name
    assert origin.snapshot is not None, "the leader registered it"
    final = (claim.settings.adapters_dir / name).resolve()
    with atomic_folder.unfinished_folder(final, claim.token[:8]) as unfinished:
        _write_folder(unfinished, claim, policy, weights, origin, name)
        sha256 = weights_sha256(unfinished)
        patiently(claim, partial(_keep, claim, origin.snapshot, sha256, unfinished))
        with claim.database.write() as session:
            job = jobs.finish(session, claim.job_id, claim.token)
            row = adapters.register(
                session,
                name=name,
                parent_id=origin.parent.id if origin.parent else None,
                job_id=claim.job_id,
                snapshot_id=origin.snapshot.id,
                base_model=policy.base.name,
                path=to_stored(final, claim.settings.data_dir),
                sha256=sha256,
                metrics=origin.metrics,
            )
            if not isinstance(policy.model, PeftModel):
                row.status = AdapterStatus.RETIRED
                row.reason = f"a whole model: serve it with --model {final}"
            if conclude is not None:
                job.result = conclude(session, row)
            atomic_folder.put_in_place(unfinished, final)
    log.info("job %d: %s is ready", claim.job_id, name)
    return name


def _keep(claim: Claim, snapshot: Snapshot, sha256: str, folder: Path) -> None:
    """Keeps the version and what it learnt from in the artifact store, if there is one."""
    path = located(snapshot.path, claim.settings.data_dir)
    rows.keep_snapshot(claim.settings, snapshot.sha256, path)
    rows.keep_version(claim.settings, sha256, folder)


def _write_folder(
    folder: Path,
    claim: Claim,
    policy: Policy,
    weights: dict[str, Tensor],
    origin: Origin,
    name: str,
) -> None:
    base, snapshot = policy.base, origin.snapshot
    assert snapshot is not None, "checked by the caller"
    if isinstance(policy.model, PeftModel):
        write_adapter(folder, policy.model, weights, base.name)
    else:
        policy.model.save_pretrained(str(folder), state_dict=_with_model_names(weights))
        base.tokenizer.save_pretrained(str(folder))
    manifest = {
        "name": name,
        "recipe": claim.kind.value,
        "job": claim.job_id,
        "parent": origin.parent.name if origin.parent else None,
        "base_model": base.name,
        "base_fingerprint": base.fingerprint,
        "thought_format": base.thought_format.name,
        "snapshot_sha256": snapshot.sha256,
        "snapshot": snapshot.manifest,
        "settings": origin.settings,
        "metrics": origin.metrics,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")
    (folder / "README.md").write_text(_card(manifest), encoding="utf-8")
    atomic_folder.flush_tree(folder)


def write_adapter(
    folder: Path, model: PeftModel, weights: dict[str, Tensor], base_name: str
) -> None:
    """Writes the files that peft and servers read, with these weights, named as in the scorer."""
    model.save_pretrained(
        str(folder), state_dict=_with_model_names(weights), save_embedding_layers=False
    )
    for path in folder.iterdir():
        if path.name not in ADAPTER_FILES:
            path.unlink()
    config_path = folder / "adapter_config.json"
    config = json.loads(config_path.read_bytes())
    config |= {"base_model_name_or_path": base_name, "inference_mode": True}
    config_path.write_text(json.dumps(config, indent=2, sort_keys=True), encoding="utf-8")


def _with_model_names(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Returns the weights by the model's own names."""
    return {name.removeprefix("model."): weight for name, weight in weights.items()}


def _card(manifest: dict[str, Any]) -> str:
    parent = manifest["parent"] or "the base model itself"
    counts = ", ".join(f"{n} {kind}" for kind, n in manifest["snapshot"]["counts"].items())
    settings = "\n".join(f"| {name} | {value} |" for name, value in manifest["settings"].items())
    metrics = "\n".join(
        f"| {name} | {value:.4g} |"
        for name, value in manifest["metrics"].items()
        if isinstance(value, int | float)
    )
    is_lora = manifest["settings"].get("tune") != Tune.FULL
    library, tag = ("peft", "lora") if is_lora else ("transformers", "text-generation")
    return f"""---
base_model: {json.dumps(manifest["base_model"])}
library_name: {library}
tags: [{tag}, thrice]
---
# {manifest["name"]}

{"A LoRA on" if is_lora else "All weights of"} `{manifest["base_model"]}`, trained by Thrice with
the recipe `{manifest["recipe"]}`, continuing from {parent}. It learnt from {counts} (frozen data,
sha256 `{manifest["snapshot_sha256"]}`).

| setting | value |
|---|---|
{settings}

| metric at the end | value |
|---|---|
{metrics}

`{MANIFEST}` has the same as JSON.
"""
