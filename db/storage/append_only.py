"""Installs and checks the triggers that make the vote log append-only for every program."""

from sqlalchemy import Connection

from db.storage.errors import DatabaseCorrupt

TRIGGERS = ("votes_no_delete", "votes_no_update")

_SQLITE = """
CREATE TRIGGER IF NOT EXISTS votes_no_{event} BEFORE {EVENT} ON votes
BEGIN SELECT RAISE(ABORT, 'votes are append-only: supersede the row'); END
"""
_POSTGRESQL_FUNCTION = """
CREATE OR REPLACE FUNCTION votes_are_append_only() RETURNS trigger AS $$
BEGIN RAISE EXCEPTION 'votes are append-only: supersede the row' USING ERRCODE = '23000'; END
$$ LANGUAGE plpgsql
"""
_POSTGRESQL = """
CREATE OR REPLACE TRIGGER votes_no_{event} BEFORE {EVENT} ON votes
FOR EACH ROW EXECUTE FUNCTION votes_are_append_only()
"""


def install(connection: Connection) -> None:
    """Creates the triggers that are missing; a batch ALTER of `votes` drops them."""
    template = _SQLITE
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_POSTGRESQL_FUNCTION)
        template = _POSTGRESQL
    for event in ("update", "delete"):
        connection.exec_driver_sql(template.format(event=event, EVENT=event.upper()))


def check(connection: Connection, where: str) -> None:
    """Raises `DatabaseCorrupt` when a trigger is missing."""
    if connection.dialect.name == "postgresql":
        query = (
            "SELECT tgname FROM pg_trigger WHERE tgrelid = 'votes'::regclass AND tgenabled = 'O'"
        )
    else:
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'votes'"
    present = set(connection.exec_driver_sql(query).scalars())
    if lost := [name for name in TRIGGERS if name not in present]:
        raise DatabaseCorrupt(
            f"{where} has lost what protects its votes from changes ({', '.join(lost)}): somebody "
            "altered the table by hand; restore the latest backup, or have its votes checked."
        )
