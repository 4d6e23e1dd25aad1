"""Reads everything that the Data page shows: stored data by source, and earlier exports."""

from dataclasses import asdict, dataclass
from typing import Any

from db.content import sources
from db.content.sources import SourceCount
from ptrapp.interchange.formats import Format
from ptrapp.interchange.limits import MIB, NETWORK
from ptrapp.services.context import AppContext
from ptrapp.services.files import exporting

_MAX_SOURCES = 100


@dataclass(frozen=True, slots=True)
class DataPanel:
    sources: list[SourceCount]
    """The largest first; those beyond a hundred are one row."""
    n_votes: dict[str, int]
    """Votes of the log by kind of rater, undone and repeated ones included."""
    campaigns: list[str]
    formats: list[str]
    most_mib: int
    """Largest file that the page takes."""
    most_rows: int
    snapshots: list[dict[str, Any]]
    """Manifests of exports, the newest first."""

    def as_json(self) -> dict[str, Any]:
        values = asdict(self)
        values["sources"] = [row._asdict() for row in self.sources]
        return values


def read_panel(context: AppContext) -> DataPanel:
    """Returns the panel as it is now."""
    with context.database.read() as session:
        found, votes = context.stored.current(session)
        campaigns = sources.campaign_names(session)
    return DataPanel(
        sources=_shown(found),
        n_votes=votes,
        campaigns=campaigns,
        formats=[fmt.value for fmt in Format],
        most_mib=NETWORK.n_bytes // MIB,
        most_rows=NETWORK.n_rows,
        snapshots=exporting.snapshots(context),
    )


def _shown(found: list[SourceCount]) -> list[SourceCount]:
    rest = found[_MAX_SOURCES:]
    if not rest:
        return found
    sums = (sum(column) for column in zip(*(row[1:] for row in rest), strict=True))
    return [*found[:_MAX_SOURCES], SourceCount(f"{len(rest)} others", *sums)]
