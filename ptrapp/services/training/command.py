"""Writes the command line that starts the same job in a terminal."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from db.models import JobKind

_OPTIONS: dict[JobKind, frozenset[str]] = {
    JobKind.DPO: frozenset({"form", "beta", "epochs"}),
    JobKind.MASK_SFT: frozenset({"preset", "epochs"}),
    JobKind.TPO: frozenset({"iterations", "prompts", "n_prompts", "k"}),
    JobKind.PTR_DATA: frozenset({"queries", "n_queries", "final", "rounds"}),
    JobKind.EVALUATE: frozenset({"versions", "tasks", "rounds", "n"}),
    JobKind.JUDGE: frozenset({"judge"}),
}
"""Settings that have an option of their own; `--set` reaches the others."""


def command(kind: JobKind, settings: Mapping[str, Any], parent: str = "") -> str:
    """Returns the command; nothing in it needs another quoting in a POSIX shell."""
    words = ["python", "-m", "ptrapp", kind.value.replace("_", "-")]
    if kind is JobKind.JUDGE:
        words.append(str(settings.get("campaign_id", "CAMPAIGN")))
        settings = {name: value for name, value in settings.items() if name != "campaign_id"}
    for name, value in settings.items():
        if name in _OPTIONS.get(kind, ()):
            for one in value if isinstance(value, list | tuple) else [value]:
                words += [f"--{name.replace('_', '-')}", str(one)]
        else:
            words += ["--set", f"{name}={_plain(value)}"]
    if parent:
        words += ["--parent", parent]
    return shlex.join(words)


def _plain(value: Any) -> str:
    """Returns a value as `--set` reads it: text as it is where it is not read as something else."""
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError:
            return value
    return json.dumps(value, ensure_ascii=False)
