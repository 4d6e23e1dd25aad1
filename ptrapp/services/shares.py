"""Bounds what one person has running and uploads, so that nobody stands in everybody's way."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from db.content import rounds
from db.labelling import raters
from db.people import used
from db.registry import jobs
from db.storage.presence import At
from db.storage.session import Session
from ptrapp.core.counts import counted
from ptrapp.core.errors import TooMuch
from ptrapp.services.context import AppContext, DataContext

MAX_LIVE_RUNS = 32
"""Runs that one app has in progress; one more is refused rather than slowing all others."""
_LOCK = Lock()
_HOUR_S = 3600.0
_MIB = 1024 * 1024


@contextmanager
def run_of(context: AppContext, rater: str, n_tokens: int) -> Iterator[None]:
    """Holds a place among a person's runs while one is started, which then is among the live ones.

    A run alone may be as long as runs may be. What this person has running at other apps on this
    database counts too. Raises `TooMuch` where another has no place, among this person's or among
    all.
    """
    settings = context.settings
    here = (rater, n_tokens)
    elsewhere = _elsewhere(context, rater)
    with _LOCK:
        live = [one for one in list(context.live.values()) if not one.ended.is_set()]
        if len(context.starting) + len(live) >= MAX_LIVE_RUNS:
            raise TooMuch(f"{MAX_LIVE_RUNS} runs are in progress; try again in a moment.")
        going = [each for each in context.starting if each[0] == rater]
        going += [(rater, one.n_tokens) for one in live if one.rater == rater]
        going += [(rater, n) for n in elsewhere]
        if len(going) >= settings.runs_per_person:
            raise TooMuch(
                f"{counted(len(going), 'of your runs is', 'of your runs are')} being written; "
                "wait until one is done, or stop one."
            )
        if going and sum(n for _, n in going) + n_tokens > settings.tokens_per_person:
            raise TooMuch(
                f"Your runs may write {settings.tokens_per_person} tokens at once; wait until one "
                "is done, stop one, or ask for less."
            )
        context.starting.append(here)
    try:
        yield
    finally:
        with _LOCK:
            context.starting.remove(here)


def _elsewhere(context: AppContext, rater: str) -> list[int]:
    """Returns the most tokens of each run that other apps are writing for this person."""
    theirs = context.database.presence.elsewhere(At.RUN)
    if not theirs:
        return []
    with context.database.read() as session:
        who = raters.find_person(session, rater)
        going = rounds.under_way_of(session, who.id, theirs) if who else ()
    return [int(each["n"]) * int(each["sampling"]["max_tokens"]) for each in going]


def check_jobs(context: DataContext, session: Session, rater: str) -> None:
    """Raises `TooMuch` where this person has as many jobs in the queue as one may have.

    `rater` is who somebody is: a new name makes no room, and a name that another had takes none.
    """
    most = context.settings.jobs_per_person
    if jobs.count_open_by(session, rater) >= most:
        raise TooMuch(
            f"{counted(most, 'job of yours is', 'jobs of yours are')} queued or running; wait "
            "until one is done, or cancel one."
        )


def take_upload(context: DataContext, rater: str, n_bytes: int) -> None:
    """Counts an upload of this person, at any app. Raises `TooMuch` over what an hour may have."""
    mib = context.settings.upload_mib_per_hour
    bounds = {f"upload of {rater!r}": mib * _MIB}
    if n_bytes <= mib * _MIB:  # no database counts further than its integers
        with context.database.write(durable=False) as session:
            if isinstance(used.take(session, bounds, n_bytes, _HOUR_S), list):
                return
    raise TooMuch(
        f"You may upload {mib} MiB within an hour, and this would be more; try later, or import "
        "the file with: thrice import FILE"
    )
