"""What a job is asked: whether it can be done, and whether it is asked already."""

import json
from hashlib import sha256
from typing import Any

from db.models import Campaign, JobKind
from db.registry import adapters
from db.storage.session import Session
from ptrapp.core.errors import ConfigurationError, NotFound
from ptrapp.core.settings import Settings


def check(kind: JobKind, recipe: dict[str, Any]) -> None:
    """Raises `ConfigurationError`. What it asks is imported then: no start waits for it."""
    from ptrapp.recipes import checking

    checking.check(kind, recipe)


def check_servers(settings: Settings, recipe: dict[str, Any]) -> None:
    """Raises `ConfigurationError` where a job would ask a server that the app was not told of."""
    if recipe.get("final") == "strong" and not settings.strong_base_url:
        raise ConfigurationError(
            "final: a strong model's answers come from its server, and this app knows none; start "
            "it with --strong-base-url, or choose another"
        )
    if recipe.get("judge") == "llm" and not settings.judge_base_url:
        raise ConfigurationError(
            "judge: the judge llm is asked at its server, and this app knows none; start it with "
            "--judge-base-url, or choose another"
        )


def check_names(session: Session, kind: JobKind, recipe: dict[str, Any]) -> None:
    """Raises `NotFound` for a version or a campaign of the settings that is not there.

    The settings are those that `check` lets pass.
    """
    if kind is JobKind.JUDGE and session.get(Campaign, recipe["campaign_id"]) is None:
        raise NotFound(f"There is no campaign {recipe['campaign_id']}.")
    for name in _versions(kind, recipe):
        if name != "base" and adapters.by_name(session, name) is None:
            raise NotFound(f"There is no version {name}; choose others.")


def key(kind: JobKind, recipe: dict[str, Any], parent_id: int | None, base_model: str) -> str:
    """Returns the key under which only one job may be queued or running.

    Two trainings of one version at once would learn the same votes. Jobs that evaluate it or gather
    data for it may run side by side when their settings differ, and so may any that are for
    different base models. A judge's labels are the same whichever of those answers.
    """
    found = f"{kind.value}:{parent_id or 'base'}"
    if kind is not JobKind.JUDGE:
        found += f":{_digest(base_model)[:8]}"
    if kind in (JobKind.EVALUATE, JobKind.PTR_DATA, JobKind.JUDGE):
        found += f":{_digest(json.dumps(recipe, sort_keys=True))[:12]}"
    return found


def _versions(kind: JobKind, recipe: dict[str, Any]) -> list[str]:
    """Returns the names of versions in a job's settings."""
    if kind is JobKind.EVALUATE:
        return list(recipe.get("versions") or ())
    if kind is not JobKind.PTR_DATA:
        return []
    attempts, final = recipe.get("attempts", "own"), recipe.get("final", "")
    named = [] if attempts == "own" else [attempts]
    return [*named, final.removeprefix("version:")] if final.startswith("version:") else named


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
