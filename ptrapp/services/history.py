"""The use cases of History: finds the runs of people, names, stars, deletes and restores them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from db.content import pins
from db.labelling import raters, run_history
from db.labelling.run_history import RoundMark, RunFilter
from db.models import Run, RunMode
from db.registry import adapters
from db.storage.session import Session
from ptrapp.core.errors import InputError, NotFound
from ptrapp.core.types import BASE
from ptrapp.services.context import DataContext

PER_PAGE = 20
MAX_TITLE = 120
"""Characters of the name that people give a run."""
MAX_CHARACTERS = 200
"""Characters of a search."""


class ModeFilter(StrEnum):
    """How a run was asked for."""

    ANY = ""
    REFINE = "refine"
    SAMPLE = "sample"


class VotedFilter(StrEnum):
    ANY = ""
    YES = "yes"
    NO = "no"


class VerdictFilter(StrEnum):
    """What the verifier found in the last round, or in one of the candidates."""

    ANY = ""
    RIGHT = "right"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Which runs are wanted, and which page of them."""

    text: str = ""
    version: str = ""
    mode: ModeFilter = ModeFilter.ANY
    voted: VotedFilter = VotedFilter.ANY
    verdict: VerdictFilter = VerdictFilter.ANY
    starred: bool = False
    mine: bool = False
    deleted: bool = False
    page: int = 1

    @property
    def restricts(self) -> bool:
        """Whether anything is left out by it."""
        every = (self.text.strip(), self.version, self.mode, self.voted, self.verdict)
        return any((*every, self.starred, self.mine, self.deleted))


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """A run as History lists it."""

    run_id: int
    title: str
    prompt: str
    mode: str
    state: str
    versions: tuple[str, ...]
    by: str
    mine: bool
    created_at: datetime
    n: int
    """Rounds or candidates that are stored."""
    marks: tuple[bool | None, ...]
    """Of each of them, whether it is right; all None while the reader has a pair of it open."""
    n_votes: int
    starred: bool
    deleted: bool
    pinned: bool


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A page of runs, newest first."""

    rows: tuple[HistoryRow, ...]
    page: int
    n_pages: int
    n_runs: int


def search(context: DataContext, query: HistoryQuery, rater: str) -> HistoryPage:
    """Returns a page of the runs that `rater`, who may read them, looks for.

    A page past the end is the last one. Raises `NotFound` for an unknown version.
    """
    with context.database.read() as session:
        reader = raters.find_person(session, rater)
        reader_id = reader.id if reader else None
        if query.mine and reader_id is None:
            return HistoryPage((), 1, 1, 0)
        wanted = _filter(session, query, reader_id)
        page = max(query.page, 1)
        found, n_runs = run_history.find_runs(
            session, wanted, reader_id, start=(page - 1) * PER_PAGE, n=PER_PAGE
        )
        n_pages = max(-(-n_runs // PER_PAGE), 1)
        if page > n_pages:
            page = n_pages
            found, _ = run_history.find_runs(
                session, wanted, reader_id, start=(page - 1) * PER_PAGE, n=PER_PAGE
            )
        ids = [run.id for run, _ in found]
        marks = run_history.marks_of(session, ids)
        votes = run_history.votes_of(session, ids)
        covered = run_history.with_open_pairs(session, reader_id, ids)
        pinned = {one.prompt_id for one in pins.pinned(session)}
        rows = tuple(
            _row(
                run, name, marks[run.id], votes.get(run.id, 0), run.id in covered, reader_id, pinned
            )
            for run, name in found
        )
    return HistoryPage(rows, page, n_pages, n_runs)


def describe(
    context: DataContext, run_id: int, *, title: str | None = None, starred: bool | None = None
) -> None:
    """Names or stars a run of a person. Raises `InputError`, `Missing`."""
    name = None if title is None else " ".join(title.split())
    if name is not None and len(name) > MAX_TITLE:
        raise InputError(f"A run's name has at most {MAX_TITLE} characters, not {len(name)}.")
    with context.database.write() as session:
        run_history.keep(session, run_id, title=name, starred=starred)


def star(context: DataContext, run_id: int) -> bool:
    """Stars a run, or takes its star away. Returns whether it has one now. Raises `Missing`."""
    with context.database.write() as session:
        return run_history.turn_star(session, run_id).starred


def title_of(context: DataContext, run_id: int) -> str:
    """Returns what people call a run; empty where it has no name. Raises `NotFound`."""
    with context.database.read() as session:
        run = session.get(Run, run_id)
    if run is None:
        raise NotFound(f"There is no run {run_id}.")
    return run.title or ""


def delete(context: DataContext, run_id: int) -> None:
    """Puts a run away: it is on no page any more, and votes on it count on. Raises `Missing`."""
    with context.database.write() as session:
        run_history.delete(session, run_id)


def restore(context: DataContext, run_id: int) -> None:
    """Brings back a run that was deleted. Raises `Missing`."""
    with context.database.write() as session:
        run_history.restore(session, run_id)


def _filter(session: Session, query: HistoryQuery, reader_id: int | None) -> RunFilter:
    version = adapters.by_name(session, query.version) if query.version else None
    by_base = query.version == BASE.label
    if query.version and version is None and not by_base:
        raise NotFound(f"There is no version {query.version}.")
    text = query.text.strip()
    if len(text) > MAX_CHARACTERS:
        raise InputError(f"A search has at most {MAX_CHARACTERS} characters, not {len(text)}.")
    return RunFilter(
        text=text,
        version_id=version.id if version else None,
        by_base=by_base,
        mode=RunMode(query.mode.value) if query.mode else None,
        voted=None if query.voted is VotedFilter.ANY else query.voted is VotedFilter.YES,
        right=None if query.verdict is VerdictFilter.ANY else query.verdict is VerdictFilter.RIGHT,
        starred=query.starred,
        deleted=query.deleted,
        rater_id=reader_id if query.mine else None,
    )


def _row(
    run: Run,
    by: str,
    rounds: list[RoundMark],
    n_votes: int,
    covered: bool,
    reader_id: int | None,
    pinned: set[int],
) -> HistoryRow:
    asked = run.settings.get("versions")
    served = run.adapter.name if run.adapter else BASE.label
    return HistoryRow(
        run_id=run.id,
        title=run.title or "",
        prompt=run.prompt.text,
        mode=run.mode.value,
        state=run.state.value,
        versions=tuple(sorted(asked)) if asked else (served,),
        by=by,
        mine=run.rater_id == reader_id,
        created_at=run.created_at,
        n=len(rounds),
        marks=tuple(None if covered else one.correct for one in rounds),
        n_votes=n_votes,
        starred=run.starred,
        deleted=run.deleted_at is not None,
        pinned=run.prompt_id in pinned,
    )
