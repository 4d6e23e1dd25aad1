"""What pages count is read before somebody asks; a database that is away ends nothing."""

from dataclasses import replace
from typing import Any

import pytest
from statements import executed

from db.labelling.weighed_votes import read_weighed
from db.storage.errors import DatabaseGone
from ptrapp.services.kept_rows import KeptRows
from ptrapp.services.outlook import read_outlook
from ptrapp.services.reading_ahead import read_ahead

READS_ALL_VOTES = "FROM votes JOIN comparisons"


def test_who_asks_first_does_not_wait_for_all_votes(world: Any) -> None:
    for _ in range(2):
        world.vote()
    read_ahead(world.context)
    with executed() as ahead:
        assert read_outlook(world.context).n_pairs == 2
    assert not [one for one in ahead if READS_ALL_VOTES in " ".join(one.split())]
    fresh = replace(world.context, weighed=KeptRows(read_weighed, 4))
    with executed() as first:
        assert read_outlook(fresh).n_pairs == 2
    assert [one for one in first if READS_ALL_VOTES in " ".join(one.split())]
    world.vote()
    assert read_outlook(world.context).n_pairs == 3, "what came since is read, too"


def test_a_database_that_cannot_be_read_is_left_for_who_asks(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def away() -> None:
        asked.append(True)
        raise DatabaseGone("The file was moved.")

    monkeypatch.setattr(world.database, "read", away)
    read_ahead(world.context)
    assert asked == [True]
