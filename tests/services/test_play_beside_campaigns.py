"""Play and campaigns beside each other: neither takes, takes back or gives away the other's."""

from typing import Any

import pytest
from labelling_world import Work, somebody

from db.labelling import preferences
from db.models import AssignmentState, Round
from db.storage.errors import Conflict
from ptrapp.services import compare
from ptrapp.services.labelling import answering

ADA = somebody()


@pytest.fixture
def work(world: Any) -> Work:
    return Work(world.context).campaign(1)


def counted(world: Any) -> list[str | None]:
    with world.database.read() as session:
        return [vote.offer_key for vote in preferences.current_votes(session)]


def test_undo_on_play_leaves_the_labels_of_campaigns_alone(world: Any, work: Work) -> None:
    world.vote()
    (pair,) = work.next(ADA)
    answering.vote(world.context, ADA, pair.key, "left")
    answering.give_reason(world.context, ADA, pair.key, "Shorter.")
    assert compare.undo(world.context, "Ada", "u1") is not None
    assert counted(world) == [pair.key]
    assert compare.undo(world.context, "Ada", "u2") is None
    assert work.assignment(pair.key).state is AssignmentState.DONE
    assert answering.undo(world.context, ADA, work.id, "u3") is not None
    assert counted(world) == []


def test_play_takes_no_key_of_a_campaign(world: Any, work: Work) -> None:
    (pair,) = work.next(ADA)
    with pytest.raises(Conflict, match="belongs to a campaign"):
        compare.vote(world.context, "Ada", pair.key, "left")
    with pytest.raises(Conflict, match="belongs to a campaign"):
        compare.dismiss(world.context, "Ada", pair.key)
    assert world.count("votes") == world.count("offers WHERE dismissed") == 0
    assert answering.vote(world.context, ADA, pair.key, "left").counted


def test_marks_are_covered_while_a_campaigns_pair_of_the_run_is_open(
    world: Any, work: Work
) -> None:
    with world.database.read() as session:
        run_id = session.get_one(Round, work.pairs[0][0]).run_id
    (pair,) = work.next(ADA)
    assert [cell.correct for cell in world.board(run_id).cells] == [None, None]
    assert [cell.correct for cell in world.board(run_id, "Bob").cells] == [False, True]
    answering.vote(world.context, ADA, pair.key, "left")
    assert [cell.correct for cell in world.board(run_id).cells] == [False, True]
