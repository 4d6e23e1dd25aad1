"""What a job chooses by measuring stays when it is resumed, and is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from training_world import (
    adapter_of,
    encoder,
    fill_with_preferences,
    fill_with_refinements,
    job,
    order,
)

from db.models import JobKind
from db.registry import jobs
from db.storage.session import Database
from ptrapp.core.settings import Settings
from training.jobs.chosen import chosen_once
from training.jobs.claim import Claim
from training.jobs.payload import Payload
from training.jobs.ranks import Ranks
from training.loop import memory_plan
from training.loop.memory_plan import MemoryCost
from training.policy import precision
from training.policy.scorer import Scorer
from training.recipes import dpo, mask_sft

RECIPES: dict[JobKind, Any] = {JobKind.DPO: dpo, JobKind.MASK_SFT: mask_sft}
MB = 1_000_000
SHORT = {"epochs": 1, "batch_size": 4, "save_steps": 1}


@pytest.fixture
def claim_of(database: Database, tmp_path: Path, random_model_dir: Path) -> Callable[..., Claim]:
    """Fills the database and claims a job."""

    def make(kind: JobKind, **settings: Any) -> Claim:
        with database.write() as session:
            if kind is JobKind.DPO:
                fill_with_preferences(session, 8, encoder(random_model_dir))
            else:
                fill_with_refinements(session, 8)
        order(database, kind, {})
        with database.write() as session:
            row = jobs.claim(session, 600)
        assert row is not None
        assert row.claim_token is not None
        values = {"data_dir": tmp_path, "model": str(random_model_dir), "device": "cpu"}
        payload = Payload(None, SHORT | settings)
        return Claim(database, Settings(**values), row.id, row.claim_token, kind, payload)

    return make


def machine(monkeypatch: pytest.MonkeyPatch, *, gain: float, free: float) -> None:
    """Has the measurements find a machine like this one, and the model be large enough."""
    monkeypatch.setattr(precision, "SMALL_PARAMETERS", 0)
    monkeypatch.setattr(precision, "measure_gain", lambda _: gain)
    monkeypatch.setattr(memory_plan, "measure_cost", lambda *_: MemoryCost(free, MB, MB / 10))


def settings_of(claim: Claim) -> dict[str, Any]:
    made = adapter_of(claim.database, claim.job_id)
    manifest = json.loads((Path(made.path) / "thrice.json").read_text(encoding="utf-8"))
    wanted = ("precision", "token_budget", "activation_checkpointing")
    return {name: manifest["settings"][name] for name in wanted}


@pytest.mark.parametrize("kind", RECIPES, ids=str)
def test_a_resumed_job_computes_as_it_began(
    claim_of: Any, kind: JobKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is interrupted before it is published, and goes on on another machine."""
    claim, recipe, publish = claim_of(kind), RECIPES[kind], RECIPES[kind].publish

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    machine(monkeypatch, gain=2.0, free=200 * MB)
    monkeypatch.setattr(recipe, "publish", killed)
    with pytest.raises(KeyboardInterrupt):
        recipe.run(claim, Ranks.join(cpu=True))
    chosen = json.loads((claim.folder / "chosen.json").read_text(encoding="utf-8"))
    machine(monkeypatch, gain=0.5, free=100_000 * MB)
    monkeypatch.setattr(recipe, "publish", publish)
    recipe.run(claim, Ranks.join(cpu=True))

    expected = {"precision": "bfloat16", "token_budget": 128, "activation_checkpointing": False}
    assert chosen["memory"]["token_budget"] == 128
    assert settings_of(claim) == expected
    notes = [note["text"] for note in job(claim.database, claim.job_id).notes]
    (said,) = [text for text in notes if text.startswith("Trained in")]
    assert "bfloat16 was measured 2.0 times as fast as float32" in said
    assert "At most 128 tokens are forwarded at once" in said


def test_a_job_recomputes_by_itself_where_its_longest_example_does_not_fit(
    claim_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch, gain=0.5, free=20 * MB)  # 16 tokens, or 160 recomputed
    switched: list[str] = []
    monkeypatch.setattr(Scorer, "checkpoint_activations", lambda _: switched.append("recomputed"))
    monkeypatch.setattr(memory_plan, "return_freed_memory", lambda: switched.append("returned"))
    claim = claim_of(JobKind.DPO)

    dpo.run(claim, Ranks.join(cpu=True))

    expected = {"precision": "float32", "token_budget": 128, "activation_checkpointing": True}
    assert settings_of(claim) == expected
    assert switched == ["recomputed", "returned"]


def test_what_is_set_by_hand_is_not_measured(
    claim_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand = {"precision": "float32", "token_budget": 128, "activation_checkpointing": True}
    claim = claim_of(JobKind.DPO, **by_hand)

    dpo.run(claim, Ranks.join(cpu=True))

    assert settings_of(claim) == by_hand
    assert not (claim.folder / "chosen.json").exists()


def test_a_choice_is_made_once(tmp_path: Path) -> None:
    ranks = Ranks.join(cpu=True)
    first = chosen_once(tmp_path, ranks, "one", lambda: {"n": 1})
    again = chosen_once(tmp_path, ranks, "one", lambda: {"n": 2})
    other = chosen_once(tmp_path, ranks, "other", lambda: {"n": 3})

    assert (first, again, other) == ({"n": 1}, {"n": 1}, {"n": 3})
    (tmp_path / "chosen.json").write_text("{", encoding="utf-8")
    assert chosen_once(tmp_path, ranks, "one", lambda: {"n": 4}) == {"n": 4}
