"""Lends an empty database of one's own on a PostgreSQL server, dropped at the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from sqlalchemy import create_engine, make_url


@contextmanager
def own_database(server: str) -> Iterator[str]:
    """Yields the URL of a new database beside the one at `server`; without a server, an empty
    string, which is a file in the data folder."""
    if not server:
        yield ""
        return
    url = make_url(server).set(database=f"thrice_faults_{uuid4().hex[:12]}")
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {url.database}")
    try:
        yield url.render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {url.database} WITH (FORCE)")
        admin.dispose()
