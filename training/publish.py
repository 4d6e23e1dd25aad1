"""A trained version becomes visible: its folder under its name, then row and job in one commit.

::

    data/adapters/dpo-000012/
        adapter_model.safetensors   adapter_config.json      what peft and servers read
        thrice.json                 README.md                where it comes from
"""

import hashlib
import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peft import PeftModel

from db import adapters, jobs
from db.models import Adapter, Snapshot
from training import durable
from training.claim import Claim
from training.model import MANIFEST, Base

log = logging.getLogger(__name__)

KEPT = {"adapter_model.safetensors", "adapter_config.json", MANIFEST, "README.md"}
"""The only files an adapter folder may hold."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a version comes from: what its manifest says."""

    parent: Adapter | None
    snapshot: Snapshot
    settings: dict[str, Any]
    """The recipe's, as run: with every default filled in."""
    metrics: dict[str, Any]


def publish(claim: Claim, base: Base, model: PeftModel, origin: Origin) -> str:
    """Write the adapter folder, then register the version and end the job. Returns its name.

    Everything is on the disk before the one transaction; inside it the claim is checked first, so
    a process that lost its job leaves neither a row nor a folder under the name.
    """
    name = f"{claim.kind.value}-{claim.job_id:06d}"
    final = (claim.settings.adapters_dir / name).resolve()
    unfinished = final.with_name(f".{name}-{claim.token[:8]}")
    _write_folder(unfinished, claim, base, model, origin, name)
    sha256 = hashlib.sha256((unfinished / "adapter_model.safetensors").read_bytes()).hexdigest()
    try:
        with claim.database.write() as session:
            jobs.finish(session, claim.job_id, claim.token)
            adapters.register(
                session,
                name=name,
                parent_id=origin.parent.id if origin.parent else None,
                job_id=claim.job_id,
                snapshot_id=origin.snapshot.id,
                base_model=base.name,
                path=str(final),
                sha256=sha256,
                metrics=origin.metrics,
            )
            if final.exists():  # left by a process that was killed before it could register it
                shutil.rmtree(final)
            unfinished.rename(final)
            durable.flush_folder(final.parent)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    log.info("job %d: %s is ready", claim.job_id, name)
    return name


def _write_folder(
    folder: Path, claim: Claim, base: Base, model: PeftModel, origin: Origin, name: str
) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model.save_pretrained(str(folder), save_embedding_layers=False)
    for path in folder.iterdir():
        if path.name not in KEPT:
            path.unlink()
    config_path = folder / "adapter_config.json"
    config = json.loads(config_path.read_bytes())
    config |= {"base_model_name_or_path": base.name, "inference_mode": True}
    config_path.write_text(json.dumps(config, indent=2, sort_keys=True))
    manifest = {
        "name": name,
        "recipe": claim.kind.value,
        "job": claim.job_id,
        "parent": origin.parent.name if origin.parent else None,
        "base_model": base.name,
        "base_fingerprint": base.fingerprint,
        "thought_format": base.thought_format.name,
        "snapshot_sha256": origin.snapshot.sha256,
        "snapshot": origin.snapshot.manifest,
        "settings": origin.settings,
        "metrics": origin.metrics,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2))
    (folder / "README.md").write_text(_card(manifest))
    durable.flush_tree(folder)


def _card(manifest: dict[str, Any]) -> str:
    parent = manifest["parent"] or "the base model itself"
    counts = ", ".join(f"{n} {sort}" for sort, n in manifest["snapshot"]["counts"].items())
    settings = "\n".join(f"| {name} | {value} |" for name, value in manifest["settings"].items())
    return f"""---
base_model: {json.dumps(manifest["base_model"])}
library_name: peft
tags: [lora, thrice]
---
# {manifest["name"]}

A LoRA on `{manifest["base_model"]}`, trained by Thrice with the recipe `{manifest["recipe"]}`,
continuing from {parent}. It learnt from {counts} (frozen data, sha256
`{manifest["snapshot_sha256"]}`).

| setting | value |
|---|---|
{settings}

`{MANIFEST}` has the same for programs, and the last metrics.
"""
