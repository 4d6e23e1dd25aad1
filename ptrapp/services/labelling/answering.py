"""Labelling in a campaign: the next pairs, a vote, an undo, and what comes after a vote."""

from dataclasses import dataclass
from typing import NamedTuple

from db.labelling import (
    assignments,
    campaigns,
    comparisons,
    rater_progress,
    raters,
    shown_pairs,
    votes,
)
from db.models import (
    POLICY,
    Assignment,
    AssignmentState,
    CampaignItem,
    Offer,
    Outcome,
    Purpose,
    Round,
)
from db.registry import adapters
from db.storage.session import Session
from ptrapp.analysis.diff import Piece, word_diff
from ptrapp.core.errors import Forbidden, InputError, NotFound
from ptrapp.core.people import Person
from ptrapp.rendering import render, visible
from ptrapp.services import jobs
from ptrapp.services.compare import as_shown, outcome_of
from ptrapp.services.context import DataContext
from ptrapp.services.labelling.pairs import LabelPair, as_pair, neutral
from ptrapp.services.labelling.people import row_of

MOST_AT_ONCE = 10
LONGEST_NOTE = 2000


@dataclass(frozen=True, slots=True)
class NextPairs:
    """What a page is given to go on with."""

    pairs: list[LabelPair]
    done: int
    practice_left: int
    finished: bool
    """Nothing is left for this rater now."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a new annotator is told after a practice comparison."""

    right: bool
    expected: str
    """The known answer, in terms of the screen."""
    explanation_html: str


class Stored(NamedTuple):
    """An acknowledged vote."""

    counted: bool
    """False where it came too late and the comparison had all its labels."""
    done: int
    practice: Lesson | None


@dataclass(frozen=True, slots=True)
class Revealed:
    """Who wrote a side, what was thought, and whether it was right; known after the vote."""

    thought: str
    version: str
    correct: bool | None


def next_pairs(
    context: DataContext, person: Person, campaign_id: int, *, n: int, have: list[str], tab: str
) -> NextPairs:
    """Give a person the next comparisons of a campaign; fewer, or none, when they run out."""
    with context.database.write(shared=True) as session:
        rater = row_of(session, person)
        keys = assignments.reserve(
            session, campaign_id, rater.id, min(n, MOST_AT_ONCE), tab=tab, have=have
        )
    with context.database.read() as session:
        found = shown_pairs.read_pairs(session, keys)
        far = rater_progress.of_rater(session, campaign_id, rater.id)
        left = max(0, far.n_practice - far.n_practised)
        if left:
            left = min(left, assignments.count_practice_left(session, campaign_id, rater.id))
        names = _our_models(context, session)
    pairs = [as_pair(found[key], names) for key in keys]
    return NextPairs(pairs, far.n_done, left, finished=not keys and not have)


def vote(
    context: DataContext,
    person: Person,
    key: str,
    outcome: str,
    *,
    strength: int = 1,
    decided_ms: int | None = None,
    client: str = "",
) -> Stored:
    """Store a decision and, when enough are in, a training job, in one transaction.

    Sent twice, it is stored once and answered alike.
    """
    decision = outcome_of(outcome)
    if not 1 <= strength <= 3:
        raise InputError(f"Strength is {strength}; choose 1 to 3.")
    with context.database.write(shared=True) as session:
        rater = row_of(session, person)
        cast, assignment = assignments.vote(
            session,
            key,
            decision,
            rater_id=rater.id,
            strength=strength,
            decided_ms=decided_ms,
            client=client,
        )
        jobs.queue_when_due(context, session)
        done = rater_progress.of_rater(session, assignment.campaign_id, rater.id).n_done
        lesson = None
        if assignment.purpose is Purpose.PRACTICE:
            lesson = _lesson(session, assignment, cast.outcome)
        return Stored(assignment.state is AssignmentState.DONE, done, lesson)


def undo(
    context: DataContext, person: Person, campaign_id: int, key: str, *, tab: str = ""
) -> LabelPair | None:
    """Take the last vote in the campaign back; the pair as it stood, None when none is left."""
    with context.database.write(shared=True) as session:
        rater = row_of(session, person)
        taken_back = assignments.undo(session, campaign_id, rater.id, key, tab=tab)
        if taken_back is None:
            campaigns.find(session, campaign_id)
            return None
        undone, assignment = taken_back
        found = shown_pairs.read_pairs(session, [assignment.offer_key])[assignment.offer_key]
        flipped = session.get_one(Offer, assignment.offer_key).flipped
        names = _our_models(context, session)
        return as_pair(found, names, as_shown(undone.outcome, flipped=flipped))


def skip(context: DataContext, person: Person, key: str) -> None:
    """Put a comparison aside: it is never given to this person again."""
    with context.database.write(shared=True) as session:
        _own(session, row_of(session, person).id, key)
        assignments.skip(session, key)


def flag(context: DataContext, person: Person, key: str, flagged: bool, note: str) -> None:
    """Mark a comparison for whoever runs the campaign, or take the mark away."""
    if len(note) > LONGEST_NOTE:
        raise InputError(f"The note has {len(note)} characters; write at most {LONGEST_NOTE}.")
    with context.database.write(shared=True) as session:
        assignment = _own(session, row_of(session, person).id, key)
        assignment.flagged, assignment.note = flagged, (note.strip() or None) if flagged else None


def give_reason(context: DataContext, person: Person, key: str, reason: str) -> None:
    """Say why one voted so. Said again, the last one counts; an empty one takes it away."""
    if len(reason) > LONGEST_NOTE:
        raise InputError(f"The reason has {len(reason)} characters; write at most {LONGEST_NOTE}.")
    with context.database.write(shared=True) as session:
        _own(session, row_of(session, person).id, key)
        votes.explain(session, key, reason.strip())


def reveal(context: DataContext, person: Person, key: str) -> tuple[Revealed, Revealed]:
    """Left and right as they stood, once the vote is in and the campaign allows it.

    A vote changed afterwards is stored as not blind.
    """
    with context.database.write(shared=True) as session:
        rater = row_of(session, person)
        assignment = _own(session, rater.id, key)
        if not campaigns.find(session, assignment.campaign_id).reveal:
            raise Forbidden("This campaign keeps thoughts and versions hidden.")
        if assignment.state is not AssignmentState.DONE:
            raise Forbidden("Vote first: thoughts and versions stay hidden till then.")
        offer = session.get_one(Offer, key)
        sides = [offer.comparison.left, offer.comparison.right]
        for side in sides:
            comparisons.reveal(session, rater.id, side.id)
        left, right = reversed(sides) if offer.flipped else sides
        return _revealed(left), _revealed(right)


def changes(context: DataContext, person: Person, key: str) -> list[Piece]:
    """What the right side says otherwise than the left, word by word."""
    with context.database.read() as session:
        pair = shown_pairs.read_pairs(session, [key]).get(key)
        rater = raters.find_rater(session, person.rater)
        names = _our_models(context, session)
    if pair is None or rater is None or pair.rater_id != rater.id:
        raise NotFound(_NOT_YOURS)
    return word_diff(neutral(pair.left, names), neutral(pair.right, names))


_NOT_YOURS = "This comparison was not given to you. Load the next one."


def _own(session: Session, rater_id: int, key: str) -> Assignment:
    """The assignment of this rater under a key. Raises `NotFound`."""
    assignment = assignments.find(session, key)
    if assignment is None or assignment.rater_id != rater_id:
        raise NotFound(_NOT_YOURS)
    return assignment


def _our_models(context: DataContext, session: Session) -> list[str]:
    """Names a text may give itself here: the served model's and those of all versions."""
    settings = context.settings
    model = "" if settings.model == "bundled" else settings.model
    return [settings.served_model, model, model.rpartition("/")[2], *adapters.names(session)]


def _lesson(session: Session, assignment: Assignment, said: Outcome) -> Lesson:
    item = session.get_one(CampaignItem, assignment.item_id)
    flipped = session.get_one(Offer, assignment.offer_key).flipped
    assert item.gold_outcome is not None, "the schema wants one of practice comparisons"
    return Lesson(
        right=said is item.gold_outcome,
        expected=as_shown(item.gold_outcome, flipped=flipped).value,
        explanation_html=render(visible(item.explanation or "")),
    )


def _revealed(side: Round) -> Revealed:
    writer = side.author if side.author != POLICY else None
    version = side.adapter.name if side.adapter else "base"
    return Revealed(side.thought, writer or version, side.correct)
