"""Defines the progress, the callbacks and the report of an evaluation."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from ptrapp.evaluation.answers import CellResult
from ptrapp.evaluation.differences import DifferenceRow
from ptrapp.evaluation.matches import MatchResult, WinRow
from ptrapp.evaluation.plan import Setting
from ptrapp.evaluation.table import GivenRow, TableRow


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an evaluation is."""

    doing: str
    """The current cell or match, in words."""
    n_done: int
    """Answers and comparisons done, those of an earlier run included."""
    n_total: int
    n_restored: int = 0
    """Those of them that an earlier run had done."""
    limit_left_s: float | None = None
    """Seconds left until no more problems are begun; None without a limit."""


@dataclass(frozen=True, slots=True)
class Report:
    """The results of an evaluation."""

    table: list[TableRow]
    given: list[GivenRow]
    differences: list[DifferenceRow]
    win_rates: list[WinRow]
    decoding: str
    """How answers were drawn, in words."""
    seconds: float
    """Duration of this run, without an earlier one."""
    n_left_out: int = 0
    """Problems, of all tasks and seeds, for which there was no time."""
    share_done: float = 1.0
    """Share of the plan's answers and comparisons that this run did: others were known before, or
    there was no time for them."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def row(
        self, version: str, round_: int, task: str, setting: Setting = Setting.REFINE
    ) -> TableRow:
        """Returns one row of the table. Raises `KeyError`."""
        wanted = (version, round_, task, setting.value)
        for row in self.table:
            if (row.version, row.round, row.task, row.setting) == wanted:
                return row
        raise KeyError(wanted)


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Functions called during an evaluation; each may raise to stop it."""

    progress: Callable[[Progress], None] = lambda _: None
    part: Callable[[CellResult], None] = lambda _: None
    """Called with a cell's answers to a block of problems, as soon as they are there."""
    cell: Callable[[CellResult], None] = lambda _: None
    """Called with the result of each finished cell, also with one that was measured earlier."""
    match: Callable[[MatchResult], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class EarlierResults:
    """Cells, whole or in parts, and matches of earlier runs, which are not repeated."""

    cells: Iterable[CellResult] = ()
    matches: Iterable[MatchResult] = ()
