"""Turns votes into pairs of responses: what a rater read, and so what a judge learns from."""

import hashlib
from collections import Counter
from dataclasses import dataclass

from pydantic import TypeAdapter

from db.registry import adapters
from db.storage.session import Session
from ptrapp.core.dialogue import conversation_text
from ptrapp.preferences.counting import Counting
from ptrapp.preferences.learnable import Completions, LearnablePair
from training.data.examples import Gathered
from training.data.pairs import gather
from training.jobs import atomic_write
from training.jobs.claim import Claim
from training.jobs.payload import Filters, at_most


@dataclass(frozen=True, slots=True)
class ResponsePair:
    """Two **responses** to one question, and which one the raters found better."""

    question: str
    chosen: str
    rejected: str
    outcomes: tuple[float, float, float]
    """Shares of the votes: for chosen, for a tie, for rejected."""
    strength: float
    """How much better the chosen one is, 1 to 3."""
    vote_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Frozen:
    """The labels that a job learns from, as its folder stores them."""

    labels: list[ResponsePair]
    dropped: dict[str, int]
    highest_vote_id: int


_FILE = TypeAdapter(Frozen)


def gather_labels(session: Session, filters: Filters, counting: Counting) -> Gathered[ResponsePair]:
    """Reads all current votes as pairs of responses, oldest first."""
    return gather(session, filters, Completions.RESPONSE, counting, _label)


def frozen_once(
    claim: Claim, counting: Counting, max_examples: int | None
) -> tuple[list[ResponsePair], Counter[str]]:
    """Returns what this job learns from: gathered now, or as the job froze it before."""
    path = claim.folder / "labels.json"
    if not path.is_file():
        with claim.database.read() as session:
            filters = at_most(claim.payload.filters, max_examples)
            found = gather_labels(session, filters, counting)
        fresh = Frozen(list(found.examples), dict(found.dropped), found.highest_vote_id)
        atomic_write.write(path, _FILE.dump_json(fresh, indent=1))
    content = path.read_bytes()
    frozen = _FILE.validate_json(content)
    with claim.database.write() as session:
        adapters.save_snapshot(
            session,
            job_id=claim.job_id,
            sha256=hashlib.sha256(content).hexdigest(),
            path=str(path),
            highest_vote_id=frozen.highest_vote_id,
            n_rows=len(frozen.labels),
            manifest={"counts": {"pair": len(frozen.labels)}, "dropped": frozen.dropped},
        )
    return frozen.labels, Counter(frozen.dropped)


def _label(pair: LearnablePair) -> ResponsePair:
    chosen, rejected, counted = pair
    return ResponsePair(
        conversation_text(chosen.prompt.text, chosen.prompt.context),
        chosen.response,
        rejected.response,
        counted.outcomes,
        counted.strength,
        counted.vote_ids,
    )
