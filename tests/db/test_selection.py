"""A rater's next comparison is found by an index, however many comparisons there are."""

import random
from typing import Any

import pytest
from fresh_database import fresh_database
from sqlalchemy import text

from db.labelling import selection
from db.storage.session import Database

NAMED = {"campaign": 1, "rater": 1, "point": 0.5, "least_uncertain": 2.0}


def plan(database: Database, statement: Any) -> str:
    """SQLite's plan for the query, step by step."""
    with database.read() as session:
        named = {name: NAMED[name] for name in statement.compile().params if name in NAMED}
        ready = statement.params(**named).compile(
            session.get_bind(), compile_kwargs={"literal_binds": True}
        )
        return "\n".join(row[3] for row in session.execute(text(f"EXPLAIN QUERY PLAN {ready}")))


@pytest.mark.parametrize(
    ("statement", "index"),
    [(each, "ix_campaign_items_uniform") for each in selection._ANY_NEAR]
    + [(each, "ix_campaign_items_begun") for each in selection._BEGUN_NEAR],
)
def test_an_open_one_near_a_random_point_is_reached_without_a_walk_to_it(
    tmp_path: Any, statement: Any, index: str
) -> None:
    """Ordered by their column, the few would be reached by a walk through half of the campaign."""
    database = fresh_database(tmp_path)
    steps = plan(database, statement)
    database.dispose()
    assert steps.startswith("SEARCH campaign_items USING INTEGER PRIMARY KEY"), steps
    assert f"INDEX {index} (campaign_id=? AND kind=? AND draw" in steps, steps


def test_the_most_uncertain_one_is_the_first_of_its_index(tmp_path: Any) -> None:
    database = fresh_database(tmp_path)
    steps = plan(database, selection._MOST_UNCERTAIN)
    database.dispose()
    assert "INDEX ix_campaign_items_uncertain (campaign_id=? AND kind=? AND uncertainty<?" in steps
    assert "ORDER BY" not in steps, steps


def test_weights_that_have_no_sum_are_drawn_by_their_ratio() -> None:
    draw = random.Random(0)
    kinds = {selection._kind_of_next({"gold": 1e308, "uniform": 1.7e308}, draw) for _ in range(40)}
    assert kinds == {"gold", "uniform"}
    assert selection._kind_of_next({"gold": 1e308, "uniform": 0.0}, draw) == "gold"
