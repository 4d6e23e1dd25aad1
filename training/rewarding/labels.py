"""Votes to pairs of responses: what a rater read, and so what a judge learns from. No thoughts."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from pydantic import TypeAdapter

from db.labelling import preferences
from db.labelling.votes import highest_vote_id
from db.models import Outcome, Partition, Round
from db.registry import adapters
from db.storage.session import Session
from ptrapp.core.dialogue import in_one
from ptrapp.core.types import FinishReason
from ptrapp.preferences.counting import Counting, count
from training.data.examples import Gathered
from training.jobs import atomic_write
from training.jobs.claim import Claim
from training.jobs.payload import Filters


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
    """What a job learns from, as it stands in its folder."""

    labels: list[ResponsePair]
    dropped: dict[str, int]
    highest_vote_id: int


_FILE = TypeAdapter(Frozen)


def gather_labels(session: Session, filters: Filters, counting: Counting) -> Gathered[ResponsePair]:
    """Read all current votes as opinions, oldest first."""
    dropped: Counter[str] = Counter()
    votes = preferences.current_votes(session, kinds=filters.rater_kinds)
    labels = []
    ordered = sorted(votes, key=lambda vote: (vote.comparison_id, vote.id))
    for _, group in groupby(ordered, key=lambda vote: vote.comparison_id):
        given = list(group)
        sides = given[0].comparison.left, given[0].comparison.right
        if reason := _unusable(sides, filters):
            dropped[reason] += 1
            continue
        counted = count(given, counting, dropped)
        if counted is None:
            continue
        better, worse = sides if counted.better is Outcome.LEFT else sides[::-1]
        labels.append(
            ResponsePair(
                in_one(better.prompt.text, better.prompt.context),
                better.response,
                worse.response,
                counted.outcomes,
                counted.strength,
                counted.vote_ids,
            )
        )
    labels.sort(key=lambda label: label.vote_ids[-1])
    if filters.max_examples is not None and len(labels) > filters.max_examples:
        dropped["over the limit on examples"] = len(labels) - filters.max_examples
        labels = labels[-filters.max_examples :]
    return Gathered(tuple(labels), +dropped, highest_vote_id(session))


def frozen_once(claim: Claim, counting: Counting) -> tuple[list[ResponsePair], Counter[str]]:
    """The opinions this job learns from: gathered now, or as it froze them before."""
    path = claim.folder / "opinions.json"
    if not path.is_file():
        with claim.database.read() as session:
            found = gather_labels(session, claim.payload.filters, counting)
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


def _unusable(sides: Sequence[Round], filters: Filters) -> str | None:
    left, right = sides
    if left.prompt.partition is not Partition.TRAIN:
        return "prompt is held out for evaluation"
    if filters.runs is not None and not {left.run_id, right.run_id} <= set(filters.runs):
        return "of a run that was not asked for"
    if FinishReason.CANCELLED in (left.finish_reason, right.finish_reason):
        return "stopped while it was written"
    if not left.response.strip() or not right.response.strip():
        return "empty response"
    if left.response.strip() == right.response.strip():
        return "the two responses are the same"
    return None
