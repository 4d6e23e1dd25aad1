"""Labelling in a campaign: next pairs, vote, undo, skip, flag, reason, reveal, changes."""

from dataclasses import dataclass
from typing import NamedTuple

from db.labelling import (
    answers,
    assignments,
    campaigns,
    comparisons,
    flags,
    raters,
    shown_pairs,
    taking_back,
    votes,
)
from db.labelling.answers import Assigned
from db.models import (
    Assignment,
    AssignmentState,
    CampaignItem,
    CampaignState,
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
from ptrapp.core.strength import check_strength
from ptrapp.core.types import Choice
from ptrapp.rendering import render, visible
from ptrapp.services import jobs
from ptrapp.services.compare import SAME_WORDS, as_shown
from ptrapp.services.context import DataContext
from ptrapp.services.labelling.pairs import LabelPair, as_pair, blinded
from ptrapp.services.labelling.people import id_of

MAX_AT_ONCE = 10
MAX_NOTE = 2000


@dataclass(frozen=True, slots=True)
class NextPairs:
    """The next comparisons of a rater, and how far the rater is."""

    pairs: list[LabelPair]
    done: int
    practice_left: int
    finished: bool
    """Whether nothing is left for this rater; not while others have pairs that may come back."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """The feedback to a new annotator after a practice comparison."""

    right: bool
    expected: str
    """The known answer, with the screen's left and right."""
    explanation_html: str


class Stored(NamedTuple):
    """An acknowledged vote."""

    counted: bool
    """False where the comparison had all its labels already."""
    done: int
    practice: Lesson | None
    note: str
    """Why nothing is learnt from it, and that its campaign is not open any more; else empty."""


@dataclass(frozen=True, slots=True)
class Revealed:
    """Thought, author or version, and correctness of a side; shown after the vote."""

    thought: str
    version: str
    correct: bool | None


def next_pairs(
    context: DataContext, person: Person, campaign_id: int, *, n: int, have: list[str], tab: str
) -> NextPairs:
    """Assigns a person the next comparisons of a campaign: at most `n` besides those in `have`."""
    with context.database.write(shared=True) as session:
        rater_id = id_of(session, person)
        keys, rater = assignments.reserve(
            session, campaign_id, rater_id, min(n, MAX_AT_ONCE), tab=tab, have=have
        )
        # Read here too: on SQLite another connection has read none of these pages since the write.
        found = shown_pairs.read_pairs(session, keys)
        left = assignments.practice_left(
            session, campaign_id, rater_id, rater.n_practice, rater.n_practised
        )
        names = _our_models(context, session)
        finished = (
            not keys
            and not have
            and not assignments.are_with_others(session, campaign_id, rater_id)
        )
    pairs = [as_pair(found[key], names) for key in keys]
    return NextPairs(pairs, rater.n_done, left, finished)


def leave(context: DataContext, person: Person, keys: list[str]) -> None:
    """Leaves pairs unanswered: soon others may have them, unless the page comes back."""
    with context.database.write(shared=True) as session:
        assignments.renew(session, id_of(session, person), keys, assignments.LEFT_S)


def vote(
    context: DataContext,
    person: Person,
    key: str,
    choice: Choice,
    *,
    strength: int = 1,
    decided_ms: int | None = None,
    client: str = "",
) -> Stored:
    """Stores a vote and, when enough are in, a training job, in one transaction.

    The same vote again is stored once and answered alike. Raises `Conflict` for another one under
    its key.
    """
    check_strength(strength, choice)
    with context.database.write(shared=True) as session:
        stored, assignment, n_done, same_words, state = answers.vote(
            session,
            key,
            Outcome(choice),
            rater_id=id_of(session, person),
            strength=strength,
            decided_ms=decided_ms,
            client=client,
        )
        jobs.queue_when_due(context, session)
        lesson = None
        if assignment.purpose is Purpose.PRACTICE:
            lesson = _lesson(session, assignment, stored.outcome)
        notes = [SAME_WORDS] if same_words else []
        if state is not CampaignState.OPEN:
            notes.append(f"This campaign is {state.value} now; what you had is still taken.")
        note = " ".join(notes)
        return Stored(assignment.state is AssignmentState.DONE, n_done, lesson, note)


def undo(
    context: DataContext, person: Person, campaign_id: int, key: str, *, tab: str = ""
) -> LabelPair | None:
    """Takes back the last vote or skip in the campaign. Returns its pair, None where none is."""
    with context.database.write(shared=True) as session:
        taken_back = taking_back.undo(session, campaign_id, id_of(session, person), key, tab=tab)
        if taken_back is None:
            campaigns.find(session, campaign_id)
            return None
        undone, assignment = taken_back
        found = shown_pairs.read_pairs(session, [assignment.offer_key])[assignment.offer_key]
        flipped = session.get_one(Offer, assignment.offer_key).flipped
        names = _our_models(context, session)
        was = as_shown(undone.outcome, flipped=flipped) if undone else None
        return as_pair(found, names, was, much=undone is not None and undone.strength > 1)


def skip(context: DataContext, person: Person, key: str) -> None:
    """Skips a comparison: it is given to this person again only where an undo takes that back."""
    with context.database.write(shared=True) as session:
        _own(session, id_of(session, person), key)
        assignments.skip(session, key)


def flag(context: DataContext, person: Person, key: str, flagged: bool, note: str) -> None:
    """Flags a comparison for the administrators of the campaign, or takes the flag away."""
    if len(note) > MAX_NOTE:
        raise InputError(f"The note has {len(note)} characters; write at most {MAX_NOTE}.")
    with context.database.write(shared=True) as session:
        assignment = _own(session, id_of(session, person), key)
        flags.set_flag(assignment, flagged, note)


def give_reason(context: DataContext, person: Person, key: str, reason: str) -> None:
    """Stores the reason of a vote. A later one replaces it, an empty one deletes it."""
    if len(reason) > MAX_NOTE:
        raise InputError(f"The reason has {len(reason)} characters; write at most {MAX_NOTE}.")
    with context.database.write(shared=True) as session:
        _own(session, id_of(session, person), key)
        votes.explain(session, key, reason.strip())


def reveal(context: DataContext, person: Person, key: str) -> tuple[Revealed, Revealed]:
    """Returns left and right as shown, once the vote is stored and where the campaign allows it.

    A vote changed afterwards is stored as not blind. Raises `Forbidden`.
    """
    with context.database.write(shared=True) as session:
        rater_id = id_of(session, person)
        assignment = _own(session, rater_id, key)
        if not campaigns.find(session, assignment.campaign_id).reveal:
            raise Forbidden("This campaign keeps thoughts and versions hidden.")
        if assignment.state is not AssignmentState.DONE:
            raise Forbidden("Vote first: thoughts and versions stay hidden until then.")
        offer = session.get_one(Offer, key)
        sides = [offer.comparison.left, offer.comparison.right]
        for side in sides:
            comparisons.reveal(session, rater_id, side.id)
        left, right = reversed(sides) if offer.flipped else sides
        return _revealed(left), _revealed(right)


def changes(context: DataContext, person: Person, key: str) -> list[Piece]:
    """Returns the word-by-word differences of the right side from the left."""
    with context.database.read() as session:
        pair = shown_pairs.read_pairs(session, [key]).get(key)
        rater = raters.find_person(session, person.rater)
        names = _our_models(context, session)
    if pair is None or rater is None or pair.rater_id != rater.id:
        raise NotFound(_NOT_YOURS)
    return word_diff(blinded(pair.left, names), blinded(pair.right, names))


_NOT_YOURS = "This comparison was not given to you. Load the next one."


def _own(session: Session, rater_id: int, key: str) -> Assignment:
    """Returns the assignment of this rater under a key. Raises `NotFound`."""
    assignment = assignments.find(session, key)
    if assignment is None or assignment.rater_id != rater_id:
        raise NotFound(_NOT_YOURS)
    return assignment


def _our_models(context: DataContext, session: Session) -> list[str]:
    """Returns the names to mask in texts: the served model's and those of all versions."""
    names = [context.settings.served_model, *adapters.names(session)]
    for model in (context.settings.model, context.base_model):
        if model not in ("", "bundled"):
            names += [model, model.rpartition("/")[2]]
    return names


def _lesson(session: Session, assignment: Assigned, outcome: Outcome) -> Lesson:
    item = session.get_one(CampaignItem, assignment.item_id)
    flipped = session.get_one(Offer, assignment.offer_key).flipped
    assert item.gold_outcome is not None, "the schema wants one of practice comparisons"
    return Lesson(
        right=outcome is item.gold_outcome,
        expected=as_shown(item.gold_outcome, flipped=flipped).value,
        explanation_html=render(visible(item.explanation or "")),
    )


def _revealed(side: Round) -> Revealed:
    return Revealed(side.thought, side.written_by, side.correct)
