"""What raters can still give is counted by each pair's own votes, not by all that there are."""

from pathlib import Path
from typing import Any

from fresh_database import fresh_database
from sqlalchemy import event

from db.labelling import work_done, work_left


def test_votes_given_elsewhere_are_found_by_their_comparison(tmp_path: Path) -> None:
    database, asked = fresh_database(tmp_path), []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    with database.read() as session:
        event.listen(session.get_bind(), "before_cursor_execute", note)
        assert work_left.givable(session, 1, work_done.n_people(session, 1)) == 0
        statement, parameters = asked[-1]
        connection = session.connection().connection.dbapi_connection
        assert connection is not None
        plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        of_votes = [row[3] for row in plan if " votes" in row[3]]
    database.dispose()
    assert of_votes == ["SEARCH votes USING INDEX ix_votes_comparison_id (comparison_id=?)"]
