"""What an evaluation says: on the way, to whoever watches it, and at its end."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from ptrapp.evaluation.answers import Measured
from ptrapp.evaluation.matches import Judged, WinRow
from ptrapp.evaluation.plan import Setting
from ptrapp.evaluation.table import GivenRow, TableRow


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an evaluation is."""

    doing: str
    """The cell or match, in words."""
    n_done: int
    """Answers written and comparisons made, those kept from before included."""
    n_total: int


@dataclass(frozen=True, slots=True)
class Report:
    """What an evaluation found."""

    table: list[TableRow]
    given: list[GivenRow]
    win_rates: list[WinRow]
    decoding: str
    """How all of it was drawn, in words."""
    seconds: float
    """Of this run: what was kept from an earlier one took none."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def row(
        self, version: str, round_: int, task: str, setting: Setting = Setting.REFINE
    ) -> TableRow:
        """One row of the table. Raises `KeyError`."""
        wanted = (version, round_, task, setting.value)
        for row in self.table:
            if (row.version, row.round, row.task, row.setting) == wanted:
                return row
        raise KeyError(wanted)


@dataclass(frozen=True, slots=True)
class Watch:
    """What a caller wants to hear of; each may stop the evaluation by raising."""

    progress: Callable[[Progress], None] = lambda _: None
    cell: Callable[[Measured], None] = lambda _: None
    """Called once a cell is finished, with what is to be kept of it."""
    match: Callable[[Judged], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class EarlierResults:
    """Cells and matches of a run that was interrupted; they are not repeated."""

    cells: Iterable[Measured] = ()
    matches: Iterable[Judged] = ()
