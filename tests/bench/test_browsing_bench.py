"""The readings of the Data page are measured, each on rows that are there."""

from pathlib import Path

import pytest
from stored_votes import fill

from bench import browsing
from db.storage.session import Database
from ptrapp.core.settings import Settings


@pytest.fixture
def rows(database: Database, tmp_path: Path) -> browsing.Rows:
    fill(database)
    return browsing.Rows(Settings(data_dir=tmp_path / "data"), database)


def test_every_reading_is_timed(rows: browsing.Rows) -> None:
    measured = browsing.measure(rows, 2)
    assert {name.partition(",")[0] for name in measured} >= {"prompts", "runs", "pairs", "votes"}
    assert all(0 <= one["median_s"] <= one["max_s"] for one in measured.values())
