"""Sets up the log of a program: the app, the model's process, the worker, a job."""

import logging

_CHATTY = ("httpx", "httpx2", "openai", "alembic")
"""They write a line for every request, or each step of a migration."""


def set_up(level: str, *, dated: bool = False) -> None:
    """Writes to stderr from this level on; `dated` lines say when and who."""
    dated_form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    form = dated_form if dated else "%(levelname)s %(message)s"
    logging.basicConfig(level=level.upper(), format=form)
    for library in _CHATTY:
        logging.getLogger(library).setLevel(logging.WARNING)
