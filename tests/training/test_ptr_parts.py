"""The parts of refinement data by themselves: the test of superiority, agreement, the stop."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from training_world import add_round, start_run

from db.content import scores
from db.content.samples import runs_of_job
from db.models import JobKind, Rater, Run
from db.registry import jobs
from ptrapp.core.errors import ModelUnusable
from ptrapp.core.settings import Settings
from ptrapp.core.types import Message, MessageRole, Sampling
from ptrapp.engines.base import Request, complete
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.recipes.ptr_data import PtrDataConfig
from training.jobs.cancelling import CancellableEngine
from training.jobs.claim import Claim, StopRequested
from training.jobs.payload import Payload
from training.ptr.consistency import embed_by, mean_cosine, open_embedding
from training.ptr.superiority import compare_scores, in_words, is_superior, measure


def test_ranks_of_gains_and_losses_by_hand() -> None:
    """Gains 3, 2 and a loss of 1: R⁺ = 5, R⁻ = 1. Of 8 sign patterns R⁺ ≥ 5 holds in two."""
    found = compare_scores("judge", [0, 0, 1], [3, 2, 0])
    assert found is not None
    assert found.p == pytest.approx(2 / 8)
    assert found.effect == pytest.approx((5 - 1) / 6)
    assert (found.n, found.n_better, found.n_worse) == (3, 2, 1)
    assert not is_superior(found)


def test_worse_finals_are_not_called_superior_however_sure_the_test_is() -> None:
    found = compare_scores("judge", [1.0] * 30, [0.0] * 30)
    assert found is not None
    assert found.effect == -1
    assert found.p > 0.99
    assert "no clear gain" in in_words(found)


def test_better_finals_are_superior_and_unchanged_ones_are_not() -> None:
    better = compare_scores("judge", [0.0] * 20, [1.0] * 15 + [0.0] * 5)
    same = compare_scores("judge", [1.0] * 20, [1.0] * 20)
    assert better is not None
    assert same is not None
    assert is_superior(better)
    assert "no clear gain" not in in_words(better)
    assert (same.p, same.effect) == (1.0, 0.0)
    assert compare_scores("judge", [], []) is None
    assert "not known" in in_words(None)


def test_cosines_of_the_same_and_of_opposites() -> None:
    east, west = torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 0.0])
    assert mean_cosine(torch.stack([east, east, east])) == pytest.approx(1.0)
    assert mean_cosine(torch.stack([east, west])) == pytest.approx(-1.0)


def test_an_embedding_is_the_mean_over_the_text_and_not_over_its_padding(
    random_model_dir: Path,
) -> None:
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(random_model_dir)
    model = AutoModel.from_pretrained(random_model_dir)
    embed = embed_by(model, tokenizer)

    together = embed(["Six.", "That is a much longer answer than the other one."])
    alone = embed(["Six."])

    assert torch.allclose(together.norm(dim=1), torch.ones(2))
    assert torch.allclose(together[0], alone[0], atol=1e-5)
    ids = tokenizer("Six.", return_tensors="pt", return_token_type_ids=False)
    with torch.no_grad():
        states = model(**ids).last_hidden_state[0].mean(0)
    assert torch.allclose(alone[0], states / states.norm(), atol=1e-5)


class _Claim:
    def __init__(self, **settings: Any) -> None:
        self.settings = Settings(device="cpu", **settings)


def test_the_policy_or_a_sentence_model_embeds_and_off_is_off(random_model_dir: Path) -> None:
    claim: Any = _Claim(model=str(random_model_dir))
    policy = open_embedding(claim, PtrDataConfig(final="strong", consistency=0.5), None)
    model = str(random_model_dir)
    named = open_embedding(claim, PtrDataConfig(consistency=0.5, embedding_model=model), None)

    assert open_embedding(claim, PtrDataConfig(), None) is None
    assert policy is not None
    assert named is not None
    texts = ["Six.", "No."]
    assert torch.allclose(policy(texts), named(texts), atol=1e-4)
    broken = PtrDataConfig(consistency=0.5, embedding_model=str(random_model_dir / "nowhere"))
    with pytest.raises(ModelUnusable, match="embedding_model"):
        open_embedding(claim, broken, None)


def test_a_stop_ends_a_stream_at_once_and_cancels_it_on_the_engine() -> None:
    stop = threading.Event()
    engine = ScriptedEngine(["<R> " + "word " * 5000], word_s=0.01, context_length=10_000)
    request = Request((Message(MessageRole.USER, "q"),), False, Sampling(max_tokens=5000))
    threading.Timer(0.1, stop.set).start()

    began = time.monotonic()
    with pytest.raises(StopRequested):
        complete(CancellableEngine(engine, stop), [request])
    assert time.monotonic() - began < 1


class _TrailingNumber:
    """Scores a response by the number at its end, and counts the calls."""

    name = "numbers"

    def __init__(self) -> None:
        self.asked = 0

    def score(
        self, question: str, reference_answer: str | None, responses: Sequence[str]
    ) -> list[float]:
        self.asked += 1
        return [float(response.split()[-1]) for response in responses]

    def compare(self, *sides: Any) -> Any:
        raise AssertionError("a judge that gives numbers is not asked to compare")


def test_a_judge_that_gives_scores_is_asked_once_and_its_scores_are_stored(
    database: Any, tmp_path: Path
) -> None:
    with database.write() as session:
        jobs.enqueue(session, JobKind.PTR_DATA, {}, dedup="one")
        taken = jobs.claim(session, 600)
        for n in range(6):
            run_id = start_run(session, f"Question {n}?")
            run = session.get_one(Run, run_id)
            run.job_id, run.settings = taken.id, {"n_attempts": 1}
            first = add_round(session, run_id, "<R> Score 1", thinking=False)
            add_round(session, run_id, f"<T> t.<R> Score {2 + n}", parent_id=first, index=1)
    claim = Claim(
        database,
        Settings(data_dir=tmp_path),
        taken.id,
        taken.claim_token,
        JobKind.PTR_DATA,
        Payload(),
    )
    with database.read() as session:
        runs = runs_of_job(session, taken.id)
    judge = _TrailingNumber()

    found = measure(claim, judge, runs)
    again = measure(claim, judge, runs)

    assert found == again
    assert found is not None
    assert judge.asked == 6
    assert found.n_better == 6
    assert found.mean_final == pytest.approx(4.5)
    assert found.p == pytest.approx(1 / 64)
    with database.read() as session:
        rater = session.query(Rater).one()
        stored = scores.of_rounds(session, rater.id, [r.id for run in runs for r in run.rounds])
    assert len(stored) == 12
