"""Comparing two rounds on the Play page: open a pair, vote, undo, ask the judge, open a thought."""

import uuid
from dataclasses import dataclass
from typing import NamedTuple

from db.content import rounds
from db.labelling import assignments, comparisons, offers, raters, votes
from db.models import Offer, Outcome, RaterKind, Round, Run, RunState, Vote
from db.storage.errors import Conflict
from db.storage.session import Session
from ptrapp.core.dialogue import conversation_text
from ptrapp.core.errors import InputError, NotFound
from ptrapp.core.strength import check_strength
from ptrapp.core.types import Choice
from ptrapp.judges.base import rater_name
from ptrapp.services import jobs
from ptrapp.services.context import AppContext


@dataclass(frozen=True, slots=True)
class Thought:
    """The thought of a round that the rater may see."""

    round_id: int
    text: str


class Decided(NamedTuple):
    """An acknowledged vote: what the rater may see from now on, and what else there is to say."""

    thoughts: list[Thought]
    note: str
    """Why nothing is learnt from it; empty where something may be."""


SAME_WORDS = "Both say the same words: your vote is stored, and nothing is learnt from it."


def open_pair(context: AppContext, rater: str, shown_left: int, shown_right: int) -> str:
    """Offers two rounds of one prompt to the rater, in the screen's order. Returns the key."""
    with context.database.write() as session:
        sides = [_round(session, round_id) for round_id in (shown_left, shown_right)]
        who = raters.ensure_person(session, RaterKind.HUMAN, rater)
        comparison = comparisons.open_comparison(session, shown_left, shown_right)
        flipped = comparison.left_round_id != shown_left
        told = _are_versions_told(*sides)
        offer = comparisons.offer(
            session, who.id, comparison.id, flipped=flipped, versions_told=told
        )
        return offer.key


def dismiss(context: AppContext, rater: str, key: str) -> None:
    """Closes the pair without a vote. Raises `NotFound` when it was not offered to this rater."""
    with context.database.write() as session:
        who = raters.ensure_person(session, RaterKind.HUMAN, rater)
        _offer(session, who.id, key)
        offers.dismiss(session, who.id, key)


def vote(
    context: AppContext,
    rater: str,
    key: str,
    choice: Choice,
    *,
    strength: int = 1,
    decided_ms: int | None = None,
    client: str = "",
) -> Decided:
    """Stores a vote and, when enough are in, a training job, in one transaction.

    The same vote again is stored once. Returns the two thoughts, which the rater may see from now
    on, except that of a round which is in another open pair.
    """
    check_strength(strength, choice)
    with context.database.write() as session:
        who = raters.ensure_person(session, RaterKind.HUMAN, rater)
        compared = _offer(session, who.id, key).comparison
        votes.cast_vote(
            session, key, Outcome(choice), strength=strength, decided_ms=decided_ms, client=client
        )
        sides = (compared.left, compared.right)
        shown = [side for side in sides if not _is_on_offer(session, who.id, side)]
        for side in shown:
            comparisons.reveal(session, who.id, side.id)
        jobs.queue_when_due(context, session)
        note = SAME_WORDS if compared.left.says_the_same(compared.right) else ""
        return Decided([Thought(side.id, side.thought) for side in shown], note)


def undo(context: AppContext, rater: str, key: str, *, run_id: int | None = None) -> Vote | None:
    """Withdraws the rater's last vote, with a run that on it; the log keeps both.

    Returns None when there is nothing to undo.
    """
    with context.database.write() as session:
        who = raters.ensure_person(session, RaterKind.HUMAN, rater)
        return votes.undo_last(session, who.id, key, run_id=run_id)


def let_judge_compare(
    context: AppContext, shown_left: int, shown_right: int, *, told_to: str = ""
) -> tuple[str, str]:
    """Asks the app's judge, which sees prompt and responses only, and stores its vote.

    Returns the outcome (with the screen's left and right) and the rationale; votes on this pair of
    the rater `told_to`, who has it open, are not blind from now on. Raises `JudgeError`
    and stores nothing when the verdict cannot be read: that is no tie.
    """
    left_id, right_id = sorted((shown_left, shown_right))
    with context.database.read() as session:
        left, right = _round(session, left_id), _round(session, right_id)
        question = conversation_text(left.prompt.text, left.prompt.context)
        reference = left.prompt.reference_answer
    judge = context.judge
    verdict = judge.compare(question, reference, left.response, right.response)
    outcome = Outcome(verdict.outcome)
    with context.database.write() as session:
        who = raters.ensure_rater(session, RaterKind.JUDGE, rater_name(judge.name))
        comparison = comparisons.open_comparison(session, left_id, right_id)
        votes.judge_vote(
            session,
            who.id,
            comparison.id,
            outcome,
            verdict.rationale,
            uuid.uuid4().hex,
            agreed=verdict.agreed,
        )
        if reader := raters.find_person(session, told_to):
            comparisons.tell(session, reader.id, comparison.id)
        jobs.queue_when_due(context, session)
    return as_shown(outcome, flipped=left_id != shown_left).value, verdict.rationale


def open_thought(context: AppContext, rater: str, round_id: int) -> Thought:
    """Returns the thought of a round and records that this rater has seen it.

    Raises `InputError` while the rater has an open comparison of the round.
    """
    with context.database.write() as session:
        row = _round(session, round_id)
        who = raters.ensure_person(session, RaterKind.HUMAN, rater)
        if _is_on_offer(session, who.id, row):
            raise InputError(
                "Vote first, or cancel the comparison: thoughts stay hidden until then."
            )
        comparisons.reveal(session, who.id, round_id)
        return Thought(round_id, row.thought)


def watch_thought(context: AppContext, rater: str, run_id: int, index: int, candidate: int) -> None:
    """Shows the rater the thought of a round that is being generated. Raises `NotFound`, and
    `Conflict` where none is: the run ended, another app writes it, or it has no such round.

    This runs inside a write transaction, as storing a round does: either the transaction that
    stores the round sees the watcher and records the reveal, or the round is stored already and
    is opened by `open_thought`.
    """
    with context.database.write() as session:
        who = raters.ensure_person(session, RaterKind.HUMAN, rater)
        run = rounds.load_run(session, run_id)
        if run is None:
            raise NotFound(f"There is no run {run_id}.")
        live = context.live.get(run_id)
        if run.state is not RunState.RUNNING:
            raise Conflict(f"Run {run_id} has ended; open the thoughts of the rounds it stored.")
        if (index, candidate) in {(row.index, row.candidate) for row in run.rounds}:
            return
        if live is None or live.ended.is_set():
            raise Conflict(f"Run {run_id} is not written here; open a thought once it is stored.")
        if (index, candidate) not in {(slot.index, slot.candidate) for slot in live.slots}:
            raise Conflict(
                f"Run {run_id} writes no round of index {index} and candidate {candidate}; both "
                "count from 0."
            )
        live.watchers.setdefault(who.id, set()).add((index, candidate))


def as_shown(outcome: Outcome, *, flipped: bool) -> Outcome:
    """Returns an outcome with the screen's left and right."""
    return outcome.mirrored() if flipped else outcome


def hides_versions(run: Run) -> bool:
    """Returns whether several versions answer: who wrote what is then told after the vote alone."""
    return "versions" in run.settings


def _are_versions_told(left: Round, right: Round) -> bool:
    """Returns whether boards, or the page of a pin, say which version wrote which of the two."""
    hidden = hides_versions(left.run) and hides_versions(right.run)
    return left.adapter_id != right.adapter_id and not hidden


def _offer(session: Session, rater_id: int, key: str) -> Offer:
    """Returns a pair that this rater opened. Raises `NotFound`, `Conflict` for a campaign's."""
    offer = session.get(Offer, key)
    if offer is None or offer.rater_id != rater_id:
        raise NotFound("This comparison was not offered to you. Choose the pair again.")
    if assignments.find(session, key) is not None:
        raise Conflict("This comparison belongs to a campaign: decide it on the page Label.")
    return offer


def _is_on_offer(session: Session, rater_id: int, row: Round) -> bool:
    """Returns whether this rater has an open pair that contains the round."""
    return row.id in offers.offers_of_run(session, rater_id, row.run_id).on_offer


def _round(session: Session, round_id: int) -> Round:
    row = session.get(Round, round_id)
    if row is None:
        raise NotFound(f"There is no round {round_id}.")
    return row
