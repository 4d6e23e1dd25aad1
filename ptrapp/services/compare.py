"""Comparing two rounds on the spot: a pair, a vote, an undo, a judge, an opened thought."""

import uuid
from dataclasses import dataclass

from db.content import rounds
from db.labelling import comparisons, offers, raters, votes
from db.models import Offer, Outcome, RaterKind, Round, Vote
from db.storage.session import Session
from ptrapp.core.dialogue import in_one
from ptrapp.core.errors import InputError, NotFound
from ptrapp.judges.base import rater_name
from ptrapp.services import jobs
from ptrapp.services.context import AppContext


@dataclass(frozen=True, slots=True)
class Thought:
    """The thought of a round, once it may be seen."""

    round_id: int
    text: str


def open_pair(context: AppContext, rater: str, shown_left: int, shown_right: int) -> str:
    """Offer two rounds of one prompt to the rater, as they stand on the screen. Returns the key."""
    with context.database.write() as session:
        for round_id in (shown_left, shown_right):
            _round(session, round_id)
        who = raters.ensure_rater(session, RaterKind.HUMAN, rater)
        comparison = comparisons.ensure_comparison(session, shown_left, shown_right)
        flipped = comparison.left_round_id != shown_left
        return comparisons.offer(session, who.id, comparison.id, flipped=flipped).key


def put_aside(context: AppContext, rater: str, key: str) -> None:
    """Close the pair without a vote. Raises `NotFound` when it was not offered to this rater."""
    with context.database.write() as session:
        who = raters.ensure_rater(session, RaterKind.HUMAN, rater)
        _offer(session, who.id, key)
        offers.dismiss(session, who.id, key)


def vote(
    context: AppContext,
    rater: str,
    key: str,
    outcome: str,
    *,
    strength: int = 1,
    decided_ms: int | None = None,
    client: str = "",
) -> list[Thought]:
    """Store the decision and, when enough are in, a training job, in one transaction.

    Sent twice, it is stored once. Returns the two thoughts, which may be seen from now on: but
    for a round that is under comparison in another open pair.
    """
    decision = outcome_of(outcome)
    if not 1 <= strength <= 3:
        raise InputError(f"Strength is {strength}; choose 1 to 3.")
    with context.database.write() as session:
        who = raters.ensure_rater(session, RaterKind.HUMAN, rater)
        _offer(session, who.id, key)
        cast = votes.cast_vote(
            session, key, decision, strength=strength, decided_ms=decided_ms, client=client
        )
        sides = (cast.comparison.left, cast.comparison.right)
        shown = [side for side in sides if not _is_held(session, who.id, side)]
        for side in shown:
            comparisons.reveal(session, who.id, side.id)
        jobs.queue_when_due(context, session)
        return [Thought(side.id, side.thought) for side in shown]


def undo(context: AppContext, rater: str, key: str) -> Vote | None:
    """Take the rater's last vote back. The log keeps both; None when there is nothing to undo."""
    with context.database.write() as session:
        who = raters.ensure_rater(session, RaterKind.HUMAN, rater)
        undone = votes.undo_last(session, who.id, key)
        if undone is not None and undone.rater_id != who.id:
            raise NotFound("This key belongs to another rater's vote. Press undo again.")
        return undone


def let_judge_compare(context: AppContext, shown_left: int, shown_right: int) -> tuple[str, str]:
    """Ask the studio's judge, who sees prompt and responses only, and store its vote.

    Returns outcome (in the screen's terms) and rationale. Raises `JudgeError`: then nothing is
    stored, an unreadable verdict is not a tie.
    """
    left_id, right_id = sorted((shown_left, shown_right))
    with context.database.read() as session:
        left, right = _round(session, left_id), _round(session, right_id)
        question = in_one(left.prompt.text, left.prompt.context)
        reference = left.prompt.reference_answer
    judge = context.judge
    verdict = judge.compare(question, reference, left.response, right.response)
    outcome = Outcome(verdict.outcome)
    with context.database.write() as session:
        who = raters.ensure_rater(session, RaterKind.JUDGE, rater_name(judge.name))
        comparison = comparisons.ensure_comparison(session, left_id, right_id)
        votes.judge_vote(
            session,
            who.id,
            comparison.id,
            outcome,
            verdict.rationale,
            uuid.uuid4().hex,
            agreed=verdict.agreed,
        )
        jobs.queue_when_due(context, session)
    return as_shown(outcome, flipped=left_id != shown_left).value, verdict.rationale


def open_thought(context: AppContext, rater: str, round_id: int) -> Thought:
    """Send the thought of a round, and remember that this rater has seen it.

    Raises `InputError` while the rater has an open comparison that holds the round.
    """
    with context.database.write() as session:
        row = _round(session, round_id)
        who = raters.ensure_rater(session, RaterKind.HUMAN, rater)
        if _is_held(session, who.id, row):
            raise InputError("Vote first, or put the pair aside: thoughts stay hidden till then.")
        comparisons.reveal(session, who.id, round_id)
        return Thought(round_id, row.thought)


def watch_thought(context: AppContext, rater: str, run_id: int, index: int, candidate: int) -> None:
    """Show the thought of a round while it is being written. Raises `NotFound`.

    Noted inside a write transaction, as rounds are stored: either the round's own transaction
    knows of it and records the reveal, or the round is stored and must be opened as such.
    """
    with context.database.write() as session:
        who = raters.ensure_rater(session, RaterKind.HUMAN, rater)
        run = rounds.load_run(session, run_id)
        if run is None:
            raise NotFound(f"There is no run {run_id}.")
        if (index, candidate) in {(row.index, row.candidate) for row in run.rounds}:
            return
        if live := context.live.get(run_id):
            live.watchers.setdefault(who.id, set()).add((index, candidate))


def as_shown(outcome: Outcome, *, flipped: bool) -> Outcome:
    """Say an outcome in terms of the screen."""
    return outcome.mirrored() if flipped else outcome


def outcome_of(word: str) -> Outcome:
    """The decision a word names. Raises `InputError`."""
    try:
        outcome = Outcome(word)
    except ValueError:
        outcome = Outcome.WITHDRAWN
    if outcome is Outcome.WITHDRAWN:
        raise InputError(f"{word!r} is no outcome; send left, right, tie or both_bad.")
    return outcome


def _offer(session: Session, rater_id: int, key: str) -> Offer:
    offer = session.get(Offer, key)
    if offer is None or offer.rater_id != rater_id:
        raise NotFound("This comparison was not offered to you. Choose the pair again.")
    return offer


def _is_held(session: Session, rater_id: int, row: Round) -> bool:
    """Whether the round is under comparison: in a pair this rater has open."""
    return row.id in offers.held_of_run(session, rater_id, row.run_id)


def _round(session: Session, round_id: int) -> Round:
    row = session.get(Round, round_id)
    if row is None:
        raise NotFound(f"There is no round {round_id}.")
    return row
