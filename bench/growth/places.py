"""Keeps a filled database under a name that its size gives it, and lends copies of it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import sha256
from json import dumps
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from sqlalchemy import URL, create_engine, make_url, text

from bench.growth.filling import fill
from bench.growth.size import Size
from db.storage.session import Database, open_database

_FILLED_BY = ("filling.py", "labels.py", "size.py", "texts.py")


def name_of(size: Size) -> str:
    """Returns the name of what this size, filled by this version of the code, makes."""
    content = sha256(dumps(asdict(size), sort_keys=True).encode())
    for name in _FILLED_BY:
        content.update(Path(__file__).with_name(name).read_bytes())
    return f"thrice_growth_{content.hexdigest()[:12]}"


@contextmanager
def copy_of(server: str | None, size: Size, kept: Path | None = None) -> Iterator[tuple[str, Path]]:
    """Lends the URL of a copy and an empty data folder, both removed afterwards.

    The original is filled the first time: an SQLite file in the folder `kept`, or, where `server`
    is the URL of a PostgreSQL database, a database of its own beside that one.
    """
    with TemporaryDirectory(prefix="bench-growth-") as name:
        folder = Path(name)
        if server is None:
            original = _kept_file(kept or Path(gettempdir()), size)
            shutil.copyfile(original, folder / "thrice.db")
            yield f"sqlite:///{folder / 'thrice.db'}", folder
        else:
            with _kept_database(make_url(server), size) as url:
                yield url.render_as_string(hide_password=False), folder


def _kept_file(kept: Path, size: Size) -> Path:
    file = kept / f"{name_of(size)}.db"
    if not file.exists():
        kept.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="bench-growth-", dir=kept) as folder:
            made = Path(folder) / file.name
            with _opened(f"sqlite:///{made}") as database:
                fill(database, size)
            made.replace(file)
    return file


@contextmanager
def _kept_database(server: URL, size: Size) -> Iterator[URL]:
    original, copy = name_of(size), f"{name_of(size)}_{os.getpid()}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with admin.connect() as connection:
            known = text("SELECT 1 FROM pg_database WHERE datname = :name")
            if connection.execute(known, {"name": original}).first() is None:
                unfinished = f"{original}_unfinished"
                connection.execute(text(f"DROP DATABASE IF EXISTS {unfinished}"))
                connection.execute(text(f"CREATE DATABASE {unfinished}"))
                url = server.set(database=unfinished).render_as_string(hide_password=False)
                with _opened(url) as database:
                    fill(database, size)
                connection.execute(text(f"ALTER DATABASE {unfinished} RENAME TO {original}"))
            connection.execute(text(f"CREATE DATABASE {copy} TEMPLATE {original}"))
        try:
            yield server.set(database=copy)
        finally:
            with admin.connect() as connection:
                connection.execute(text(f"DROP DATABASE IF EXISTS {copy} WITH (FORCE)"))
    finally:
        admin.dispose()


@contextmanager
def _opened(url: str) -> Iterator[Database]:
    database = open_database(url)
    try:
        yield database
    finally:
        database.dispose()
