"""Play and campaigns beside each other: neither takes, takes back or gives away the other's."""

from typing import Any

import pytest
from labelling_world import Work, somebody

from db.labelling import preferences
from db.models import AssignmentState
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
