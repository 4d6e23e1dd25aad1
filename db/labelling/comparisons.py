"""Stores comparisons of two rounds, the offers by which raters see them, and what is revealed."""

from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, bindparam, case, exists, or_, select, update
from sqlalchemy import insert as plain_insert
from sqlalchemy.orm import Session, aliased, joinedload

from db.models import (
    Aspect,
    Comparison,
    Offer,
    Prompt,
    Purpose,
    Reveal,
    Round,
    Run,
)
from db.storage.dialects import insert
from db.storage.errors import Conflict, Missing

_LEFT, _RIGHT = aliased(Round), aliased(Round)
_REVEALED = exists().where(
    Reveal.rater_id == bindparam("rater_id"),
    Reveal.round_id.in_((Comparison.left_round_id, Comparison.right_round_id)),
    Reveal.versions | (Comparison.aspect != Aspect.THOUGHT),
    _LEFT.id == Comparison.left_round_id,
    _RIGHT.id == Comparison.right_round_id,
    or_(
        and_(Reveal.round_id == _LEFT.id, _LEFT.thought != ""),
        and_(Reveal.round_id == _RIGHT.id, _RIGHT.thought != ""),
        _LEFT.author != _RIGHT.author,
        _LEFT.adapter_id.is_distinct_from(_RIGHT.adapter_id),
    ),
)
"""What was shown of a round tells something: it has a thought, or the sides differ in who wrote
them. Answers of one version without thoughts have nothing that a rater could have seen."""
_SEEN_BEFORE = exists().where(
    Offer.rater_id + 0 == bindparam("rater_id"),  # found by its comparison: a rater has many
    Offer.comparison_id == Comparison.id,
    Offer.thoughts_seen,
)
# Statements of every answer are built once: building one takes longer than executing it.
SIDES = select(
    Comparison.left_round_id,
    Comparison.right_round_id,
    Comparison.aspect,
    or_(_REVEALED.correlate(Comparison), _SEEN_BEFORE.correlate(Comparison)).label("seen"),
    Comparison.is_shown().label("shown"),
).where(Comparison.id == bindparam("comparison_id"))
"""What `read_sides` reads, of the rater `rater_id`."""
_OFFER = plain_insert(Offer)
HIDDEN = "This pair was deleted, or its import undone: nobody votes on it. Go on with another one."
"""Why a pair that is not shown takes no vote: none would count."""


def ensure_comparison(
    session: Session, round_a_id: int, round_b_id: int, aspect: Aspect = Aspect.RESPONSE
) -> Comparison:
    """Returns the comparison of two rounds, in whichever order they are given."""
    if round_a_id == round_b_id:
        raise Conflict(f"Round {round_a_id} cannot be compared with itself; choose two rounds.")
    left_id, right_id = sorted((round_a_id, round_b_id))
    same = (
        select(Comparison)
        .where(
            Comparison.left_round_id == left_id,
            Comparison.right_round_id == right_id,
            Comparison.aspect == aspect,
        )
        .options(joinedload(Comparison.left), joinedload(Comparison.right))
    )
    if (found := session.scalars(same).one_or_none()) is not None:
        return found
    left, right = (_round(session, round_id) for round_id in (left_id, right_id))
    if left.prompt_id != right.prompt_id:
        raise Conflict(
            f"Rounds {left_id} and {right_id} answer different prompts; only answers to the same "
            "prompt can be compared."
        )
    row = insert(session, Comparison).values(
        prompt_id=left.prompt_id, left_round_id=left_id, right_round_id=right_id, aspect=aspect
    )
    session.execute(row.on_conflict_do_nothing())
    return session.scalars(same).one()


def open_comparison(session: Session, round_a_id: int, round_b_id: int) -> Comparison:
    """Returns the comparison of two rounds on which somebody is about to vote.

    Raises `Conflict` where the pair, a run or the prompt is hidden, and `Missing` where a run was
    deleted in History.
    """
    comparison = ensure_comparison(session, round_a_id, round_b_id)
    shown = Comparison.is_shown() & Run.is_shown() & Prompt.is_shown()
    sides = (
        select(Run.deleted_at, shown)
        .select_from(Comparison)
        .join(Round, Round.id.in_((Comparison.left_round_id, Comparison.right_round_id)))
        .join(Run, Run.id == Round.run_id)
        .join(Prompt, Prompt.id == Comparison.prompt_id)
        .where(Comparison.id == comparison.id)
    )
    for deleted_at, is_shown in session.execute(sides):
        if not is_shown:
            raise Conflict(HIDDEN)
        if deleted_at is not None:
            raise Missing("The run of these answers was deleted; bring it back in History first.")
    return comparison


def offer(
    session: Session,
    rater_id: int,
    comparison_id: int,
    *,
    flipped: bool,
    purpose: Purpose = Purpose.LABEL,
    versions_told: bool = False,
) -> Offer:
    """Stores that a comparison is shown to a rater, as `show` does; returns the row with rounds.

    With `versions_told` the rater knows whose answer is whose.
    """
    comparison = find_comparison(session, comparison_id)
    key = show(session, rater_id, comparison_id, flipped=flipped, purpose=purpose)
    if versions_told:
        tell(session, rater_id, comparison_id)
    shown = session.get_one(Offer, key)
    assert shown.comparison is comparison, "the one with its rounds"
    return shown


def show(
    session: Session,
    rater_id: int,
    comparison_id: int,
    *,
    flipped: bool,
    purpose: Purpose,
    key: str = "",
) -> str:
    """Stores that a comparison is shown to a rater; returns the key that its vote must carry.

    It is a random one, unless `key` says which. Where thoughts are compared, both are thereby
    revealed.
    """
    sides = read_sides(session, rater_id, comparison_id)
    shown = {
        "key": key or uuid4().hex,
        "comparison_id": comparison_id,
        "rater_id": rater_id,
        "flipped": flipped,
        "purpose": purpose,
        "thoughts_seen": sides.seen,
    }
    session.connection().execute(_OFFER, shown)
    if sides.aspect is Aspect.THOUGHT:
        for round_id in (sides.left_round_id, sides.right_round_id):
            reveal(session, rater_id, round_id, versions=False)
    return str(shown["key"])


def tell(session: Session, rater_id: int, comparison_id: int) -> None:
    """Stores that a rater who has a pair open knows a verdict or whose answer is whose.

    A vote on it is not blind from now on.
    """
    told = update(Offer).where(Offer.comparison_id == comparison_id, Offer.rater_id == rater_id)
    session.execute(told.values(thoughts_seen=True))


def reveal(session: Session, rater_id: int, round_id: int, *, versions: bool = True) -> None:
    """Stores that a rater was sent the thought of a round: later votes on it are not blind.

    Without `versions` the author stays hidden, and the rater's votes on thoughts stay blind.
    """
    row = insert(session, Reveal).values(rater_id=rater_id, round_id=round_id, versions=versions)
    both = (Reveal.rater_id, Reveal.round_id)
    if versions:
        session.execute(
            row.on_conflict_do_update(index_elements=both, set_={Reveal.versions: True})
        )
    else:
        session.execute(row.on_conflict_do_nothing())


def read_sides(session: Session, rater_id: int, comparison_id: int) -> Any:
    """Returns a comparison's sides and aspect, and whether it is `shown`.

    `seen` says whether the rater has seen more than what is compared.
    """
    named = {"rater_id": rater_id, "comparison_id": comparison_id}
    row = session.connection().execute(SIDES, named).one_or_none()
    if row is None:
        raise Conflict(f"Comparison {comparison_id} is not in this database; load the page again.")
    return row


def find_comparison(session: Session, comparison_id: int) -> Comparison:
    found = session.get(
        Comparison,
        comparison_id,
        options=[joinedload(Comparison.left), joinedload(Comparison.right)],
    )
    if found is None:
        raise Conflict(f"Comparison {comparison_id} is not in this database; load the page again.")
    return found


def compared(side: type[Round]) -> ColumnElement[str]:
    """Returns the text of a side that its comparison is about."""
    return case((Comparison.aspect == Aspect.THOUGHT, side.thought), else_=side.response)


def _round(session: Session, round_id: int) -> Round:
    found = session.get(Round, round_id)
    if found is None:
        raise Conflict(f"Round {round_id} is not in this database; load the page again.")
    return found
