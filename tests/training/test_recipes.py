"""Whole recipes: what they make of settings and data, and what they refuse."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from sqlalchemy import func, select
from training_world import (
    adapter_of,
    add_round,
    encoder,
    fill_with_preferences,
    fill_with_refinements,
    job,
    start_run,
    vote,
)
from transformers import AutoModelForCausalLM, AutoTokenizer

from db.models import Adapter, AdapterStatus, JobKind, JobStatus, Outcome, Snapshot, Vote
from db.registry import jobs
from db.storage.session import Database
from ptrapp.core.errors import ConfigurationError, NothingToLearn, ParentUnusable
from ptrapp.core.settings import Settings
from training.jobs.claim import Claim
from training.jobs.payload import Filters, Payload
from training.jobs.ranks import Ranks
from training.recipes import dpo, mask_sft

SHORT = {"epochs": 1, "batch_size": 4}


@pytest.fixture(scope="module")
def encode(random_model_dir: Path) -> Callable[[str], list[int]]:
    return encoder(random_model_dir)


@pytest.fixture
def train(database: Database, tmp_path: Path, random_model_dir: Path) -> Callable[..., Adapter]:
    """Runs a recipe in this process; returns the version it made."""

    def carry_out(kind: JobKind, settings: dict[str, Any] | None = None, **options: Any) -> Adapter:
        parent: Adapter | None = options.pop("parent", None)
        payload = Payload(parent.id if parent else None, SHORT | (settings or {}), Filters())
        with database.write() as session:
            queued = jobs.enqueue(session, kind, {}, dedup=str(torch.rand(1).item()))
            claimed = jobs.claim(session, 600)
        assert claimed is not None
        assert claimed.claim_token is not None
        assert claimed.id == queued.id
        values = {"data_dir": tmp_path, "model": str(random_model_dir), "device": "cpu"} | options
        claim = Claim(database, Settings(**values), claimed.id, claimed.claim_token, kind, payload)
        ranks = Ranks.join(cpu=True)
        try:
            (dpo.run if kind is JobKind.DPO else mask_sft.run)(claim, ranks)
        except Exception as error:
            with database.write() as session:
                jobs.fail(session, claim.job_id, claim.token, str(error))
            raise
        return adapter_of(database, claimed.id)

    return carry_out


def fill_with_ties(database: Database, n: int, outcome: Outcome = Outcome.TIE) -> None:
    with database.write() as session:
        for number in range(n):
            run = start_run(session, f"Say {number}.")
            sides = [add_round(session, run, f"<T> a.<R> {k}", candidate=k) for k in range(2)]
            vote(session, *sides, outcome)


def fill(database: Database, encode: Callable[[str], list[int]], n: int = 8) -> None:
    with database.write() as session:
        fill_with_preferences(session, n, encode)


FORMS: list[dict[str, Any]] = [
    {"form": "sigmoid", "label_smoothing": 0.1},
    {"form": "robust", "label_smoothing": 0.1},
    {"form": "ipo"},
    {"form": "rao_kupper"},
    {"form": "davidson", "tie_strength": 1.5},
    {"length_normalised": True, "beta": 5.0},
    {"nll_weight": 1.0},
    {"nll_weight": 1.0, "nll_normalise": "sequence"},
    {"soft_labels": True, "strength": "margin"},
    {"strength": "weight"},
    {"activation_checkpointing": True},
    {"precision": "bfloat16"},
]


@pytest.mark.parametrize("settings", FORMS, ids=str)
def test_every_form_of_the_loss_trains_and_begins_where_it_must(
    train: Any, database: Database, encode: Any, settings: dict[str, Any]
) -> None:
    """The loss before the first step is checked by the trainer against its form's own value."""
    fill(database, encode)

    made = train(JobKind.DPO, settings)

    assert made.metrics["rewards/margins"] > 0
    assert made.metrics["n_pairs"] == made.metrics["n_learnt"] == 8


def test_a_bound_on_examples_takes_the_newest_and_says_what_it_leaves_out(
    train: Any, database: Database, encode: Any
) -> None:
    fill(database, encode)

    made = train(JobKind.DPO, {"max_examples": 3})

    assert made.metrics["n_pairs"] == 3
    assert made.metrics["dropped"]["over the limit on examples"] == 5
    with database.read() as session:
        (frozen,) = session.scalars(select(Snapshot))
        assert frozen.manifest["filters"]["max_examples"] == 3
        assert frozen.highest_vote_id == session.scalar(select(func.max(Vote.id)))


def test_ties_alone_teach_the_plain_form_nothing(train: Any, database: Database) -> None:
    fill_with_ties(database, 3)

    with pytest.raises(NothingToLearn, match="Left out: 3 × tie"):
        train(JobKind.DPO)


def test_ties_alone_are_learnt_from_where_the_form_knows_them_and_a_warning_is_given(
    train: Any, database: Database
) -> None:
    fill_with_ties(database, 3)

    made = train(JobKind.DPO, {"form": "davidson"})

    assert made.metrics["n_pairs"] == 3
    notes = job(database, made.job_id).notes
    assert {
        "level": "warning",
        "text": "All 3 pairs are ties: there is no direction to learn.",
    } in (notes)


def test_both_bad_is_nothing_to_learn_whatever_the_form(train: Any, database: Database) -> None:
    fill_with_ties(database, 3, Outcome.BOTH_BAD)

    with pytest.raises(NothingToLearn, match="3 × both bad"):
        train(JobKind.DPO, {"form": "rao_kupper", "soft_labels": True})


def test_votes_that_contradict_are_left_out_or_become_shares(
    train: Any, database: Database
) -> None:
    with database.write() as session:
        for number in range(2):
            run = start_run(session, f"Say {number}.")
            a, b = (add_round(session, run, f"<T> a.<R> {k}", candidate=k) for k in range(2))
            vote(session, a, b, rater="Ada")
            vote(session, b, a, rater="Bob")

    with pytest.raises(NothingToLearn, match="2 × raters disagree"):
        train(JobKind.DPO)
    assert train(JobKind.DPO, {"soft_labels": True}).metrics["n_pairs"] == 2


def test_a_rank_the_server_cannot_serve_is_refused_before_anything_is_done(
    train: Any, database: Database, encode: Any
) -> None:
    fill(database, encode)

    with pytest.raises(ConfigurationError, match=r"lora_r is 32, but the server takes .* rank 16"):
        train(JobKind.DPO, {"lora_r": 32}, max_lora_rank=16)


def test_four_bits_without_their_library_are_refused_in_words(
    train: Any, database: Database, encode: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database, encode)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(ConfigurationError, match="needs the package bitsandbytes"):
        train(JobKind.DPO, {"precision": "4bit"})


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (JobKind.DPO, {"form": "ipo", "label_smoothing": 0.1}, "ipo has no use for"),
        (JobKind.DPO, {"form": "hinge"}, "form: it has to be 'sigmoid'"),
        (JobKind.MASK_SFT, {"lambdas": [0.5, 0.1, 0.1]}, "must add up to 1"),
        (JobKind.DPO, {"tune": "full", "precision": "4bit"}, "bitsandbytes|4 bits"),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_words(
    train: Any, kind: JobKind, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        train(kind, settings)


def test_the_adapter_is_one_that_peft_and_vllm_load(
    train: Any, database: Database, encode: Any, random_model_dir: Path
) -> None:
    """vLLM takes LoRA on linear layers alone: no other saved module, bias, or changed embedding."""
    fill(database, encode)

    folder = Path(train(JobKind.DPO).path)

    config = json.loads((folder / "adapter_config.json").read_bytes())
    assert (config["peft_type"], config["r"], config["bias"]) == ("LORA", 16, "none")
    assert not config["modules_to_save"]
    assert not config["use_dora"]
    weights = load_file(folder / "adapter_model.safetensors")
    assert {name.split(".")[-2] for name in weights} == {"lora_A", "lora_B"}
    assert not any("embed" in name or "lm_head" in name for name in weights)
    base = AutoModelForCausalLM.from_pretrained(random_model_dir)
    tuned = PeftModel.from_pretrained(base, str(folder))
    assert any(w.abs().max() > 0 for n, w in tuned.named_parameters() if "lora_B" in n)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "base_model:" in card
    assert "| rewards/margins |" in card


def test_a_parent_whose_weights_are_gone_is_named(
    train: Any, database: Database, encode: Any
) -> None:
    fill(database, encode)
    parent = train(JobKind.DPO)
    (Path(parent.path) / "adapter_model.safetensors").unlink()

    with pytest.raises(ParentUnusable, match=f"{parent.name} is gone"):
        train(JobKind.DPO, parent=parent)


def test_a_parent_of_another_model_is_refused(
    train: Any, database: Database, encode: Any, tmp_path: Path, random_model_dir: Path
) -> None:
    fill(database, encode)
    parent = train(JobKind.DPO)
    other = tmp_path / "other"
    AutoModelForCausalLM.from_pretrained(random_model_dir).save_pretrained(other)
    AutoTokenizer.from_pretrained(random_model_dir).save_pretrained(other)

    with pytest.raises(ParentUnusable, match="belongs to the model"):
        train(JobKind.DPO, parent=parent, model=str(other))


def test_a_base_that_was_changed_since_is_found_out(
    train: Any, database: Database, encode: Any, tmp_path: Path, random_model_dir: Path
) -> None:
    changing = tmp_path / "changing"
    AutoModelForCausalLM.from_pretrained(random_model_dir).save_pretrained(changing)
    AutoTokenizer.from_pretrained(random_model_dir).save_pretrained(changing)
    fill(database, encode)
    parent = train(JobKind.DPO, model=str(changing))
    weights = load_file(changing / "model.safetensors")
    name = next(name for name in weights if "q_proj" in name)
    weights[name] = weights[name] + 0.1
    save_file(weights, changing / "model.safetensors", {"format": "pt"})

    with pytest.raises(ParentUnusable, match="was trained on other weights"):
        train(JobKind.DPO, parent=parent, model=str(changing))


def test_a_full_fine_tune_is_a_model_of_its_own(
    train: Any, database: Database, encode: Any, random_model_dir: Path
) -> None:
    fill(database, encode)

    made = train(JobKind.DPO, {"tune": "full", "learning_rate": 1e-3})

    assert made.status is AdapterStatus.RETIRED
    assert f"--model {made.path}" in (made.reason or "")
    before = AutoModelForCausalLM.from_pretrained(random_model_dir).state_dict()
    after = AutoModelForCausalLM.from_pretrained(made.path).state_dict()
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert len(changed) > len(before) / 2
    with pytest.raises(ConfigurationError, match=f"cannot continue {made.name}"):
        train(JobKind.DPO, {"tune": "full", "seed": 1}, parent=made)


def test_the_paper_preset_trains_on_three_terms(train: Any, database: Database) -> None:
    with database.write() as session:
        fill_with_refinements(session, 6)

    made = train(JobKind.MASK_SFT, {"preset": "paper", "batch_size": 16})

    terms = {name: made.metrics[name] for name in ("nll", "inconsistency", "unconfidence")}
    expected = 0.8 * terms["nll"] + 0.1 * terms["inconsistency"] + 0.1 * terms["unconfidence"]
    assert made.metrics["loss"] == pytest.approx(expected, abs=1e-4)
    assert 0 < terms["inconsistency"] < 2
    assert 0 < terms["unconfidence"] < 1


@pytest.mark.parametrize(
    "settings", [{"normalise": "token"}, {"history_weight": 0.5}, {"thought_weight": 0.1}], ids=str
)
def test_weights_of_tokens_and_rounds_can_be_set(
    train: Any, database: Database, settings: dict[str, Any]
) -> None:
    with database.write() as session:
        fill_with_refinements(session, 6)

    plain = train(JobKind.MASK_SFT)
    made = train(JobKind.MASK_SFT, settings)

    assert made.metrics["loss"] != plain.metrics["loss"]


def test_a_failed_job_leaves_no_version(train: Any, database: Database) -> None:
    with pytest.raises(NothingToLearn, match="nothing new"):
        train(JobKind.DPO)

    with database.read() as session:
        assert session.query(Adapter).count() == 0
    assert job(database, 1).status is JobStatus.FAILED
