"""A database with every kind of vote there is, and empty ones to bring it to."""

from pathlib import Path
from typing import Any, NamedTuple

from db.content import prompts, rounds, scores
from db.content.rounds import NewRound
from db.labelling import comparisons, raters, votes
from db.models import Aspect, Outcome, Partition, Purpose, RaterKind, Round, RunMode, RunState
from db.registry import adapters
from db.storage.session import Database, Session
from ptrapp.core.settings import Settings
from ptrapp.services.context import kept_labels
from ptrapp.services.kept_rows import KeptRows


class RowContext(NamedTuple):
    settings: Settings
    database: Database
    labels: KeptRows


def context(database: Database, folder: Path) -> RowContext:
    return RowContext(Settings(data_dir=folder), database, kept_labels())


def written(
    index: int, parent_id: int | None, response: str, candidate: int = 0, **more: Any
) -> NewRound:
    columns: dict[str, Any] = {
        "index": index,
        "parent_id": parent_id,
        "candidate": candidate,
        "thinking": True,
        "thought": f"Thought of {response}",
        "response": response,
        "raw": f"<T> Thought of {response}<R> {response}",
        "completion_ids": (1, 2, 3),
        "well_formed": True,
        "sampling": {"temperature": 0.8},
        "seed": 7,
        "n_thought_tokens": 3,
        "n_response_tokens": 2,
        "finish_reason": "stop",
    }
    return NewRound(**(columns | more))


def refine(session: Session, asked: str, *responses: str, **about: Any) -> list[Round]:
    """A chain of rounds on one prompt, the first ones by the base model."""
    prompt = prompts.ensure_prompt(session, asked, source="play", **about)
    settings = {"n": len(responses), "keep_thoughts": False, "refine_instruction": "Again."}
    run = rounds.start_run(session, prompt.id, RunMode.REFINE, settings)
    chain: list[Round] = []
    for index, response in enumerate(responses):
        parent_id = chain[-1].id if chain else None
        correct = {"right": True, "wrong": False}.get(response)
        chain.append(
            rounds.add_round(session, run.id, written(index, parent_id, response, correct=correct))
        )
    rounds.finish_run(session, run.id, RunState.DONE)
    return chain


def sample(session: Session, asked: str, *responses: str, **more: Any) -> list[Round]:
    """Candidates of one prompt, by a version."""
    adapter = adapters.by_name(session, "dpo-000001") or adapters.register(
        session, name="dpo-000001", parent_id=None, job_id=None, snapshot_id=None,
        base_model="m", path="p", sha256="0" * 64, metrics={},
    )  # fmt: skip
    prompt = prompts.ensure_prompt(session, asked, source="generated", **more)
    run = rounds.start_run(session, prompt.id, RunMode.SAMPLE, {}, adapter_id=adapter.id)
    return [
        rounds.add_round(session, run.id, written(0, None, response, candidate))
        for candidate, response in enumerate(responses)
    ]


def vote(
    session: Session, who: str, a: Round, b: Round, shown: Outcome, *,
    flipped: bool = False, purpose: Purpose = Purpose.LABEL, aspect: Aspect = Aspect.RESPONSE, **more: Any,
) -> None:  # fmt: skip
    rater = raters.ensure_rater(session, RaterKind.HUMAN, who)
    pair = comparisons.ensure_comparison(session, a.id, b.id, aspect)
    offer = comparisons.offer(session, rater.id, pair.id, flipped=flipped, purpose=purpose)
    votes.cast_vote(session, offer.key, shown, **more)


def fill(database: Database) -> None:
    """Votes of people and a judge: blind and not, changed, undone, repeated, tied, on thoughts."""
    left, right, tie, bad = Outcome.LEFT, Outcome.RIGHT, Outcome.TIE, Outcome.BOTH_BAD
    with database.write() as session:
        one, two, three = refine(
            session, "What is 1 + 1?", "wrong", "wrong too", "right", reference_answer="2"
        )
        context = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
        a, b, c = sample(session, "=1+1?", "A", "B", "A", system="Be brief.", context=context)
        held, out = sample(session, "Held out?", "x", "y", partition=Partition.EVAL)
        vote(
            session,
            "ann",
            one,
            three,
            right,
            decided_ms=900,
            client="label-1",
            rationale="=cmd|' right",
        )
        vote(session, "bob", three, one, left, flipped=True, strength=3)
        vote(session, "bob", two, three, bad)
        vote(session, "ann", a, b, left, flipped=True)
        vote(session, "ann", a, b, left)  # another mind
        vote(session, "bob", a, b, tie)
        vote(session, "cy", a, b, left, strength=2)
        vote(session, "ann", b, c, right, strength=2)
        vote(session, "ann", a, c, tie)  # alike in every word
        votes.undo_last(session, raters.ensure_rater(session, RaterKind.HUMAN, "ann").id, "undo-1")
        vote(session, "ann", a, b, right, purpose=Purpose.REPEAT)
        vote(session, "ann", one, three, left, aspect=Aspect.THOUGHT)
        vote(session, "ann", held, out, left)
        judge = raters.ensure_rater(session, RaterKind.JUDGE, "llm:m")
        pair = comparisons.ensure_comparison(session, b.id, a.id)
        votes.judge_vote(session, judge.id, pair.id, tie, "Cannot say.", "judge-1", agreed=False)
        pair = comparisons.ensure_comparison(session, b.id, c.id)
        votes.judge_vote(session, judge.id, pair.id, right, "'-quoted", "judge-2", agreed=True)
        scores.record(session, judge.id, {a.id: 0.75, three.id: -1.0})
