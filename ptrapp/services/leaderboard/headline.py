"""The first line of Versions: is the version that answers better, and how sure is that?"""

from typing import Any, NamedTuple

from db.models import Job
from db.registry import leaderboard
from ptrapp.analysis.paired import difference_of_rates
from ptrapp.services.context import DataContext
from ptrapp.services.leaderboard.rows import Leaderboard, VersionRow
from ptrapp.services.leaderboard.wording import NOT_ENOUGH, compared, rounds_in_words, signed


class Headline(NamedTuple):
    """The answer, the figures that it rests on, and the page that brings what is missing."""

    answer: str
    figures: str
    way: str = ""
    """What the link says, which stands behind the figures."""
    href: str = ""


def is_it_better(context: DataContext, board: Leaderboard) -> Headline:
    """Answers "is it better?"."""
    row = board.serving
    if not board.n_versions:
        first = "base answers; Train makes the first version."
        return Headline("No version has been trained yet.", first)
    if row.id is None:
        worth = "No trained version serves now; the table says what each is worth."
        return Headline("base answers.", worth)
    found = difference(context, row, "base")
    if found is None and (shipped := _of_one_evaluation(context, row, board.task)):
        return shipped
    if found is None:
        return Headline(
            f"{NOT_ENOUGH} to say whether {row.name} is better than base.",
            "They were not measured on the same problems.",
            "Evaluate both",
            "train?method=evaluate",
        )
    return Headline(
        f"{compared(row.name, 'base', found['low'], found['high'])}:",
        f"{signed(found['difference'])} points after {rounds_in_words(found['round'])} "
        f"(95 % {signed(found['low'])} to {signed(found['high'])}, n = {found['n']}; "
        f"{found['fixed']} fixed, {found['broken']} broken)."
        f"{_against_parent(context, row)}",
    )


def _against_parent(context: DataContext, row: VersionRow) -> str:
    """Returns what it gains over the version it continues from; a parent's gain is not its own."""
    if row.parent in ("", "base"):
        return ""
    found = difference(context, row, row.parent)
    if found is None:
        return f" Against its parent {row.parent} it was not measured on the same problems."
    return (
        f" Against its parent {row.parent}: {signed(found['difference'])} points "
        f"(95 % {signed(found['low'])} to {signed(found['high'])})."
    )


def _of_one_evaluation(context: DataContext, row: VersionRow, task: str) -> Headline | None:
    """Compares a version with base by their rates in one evaluation, where no answers are stored.

    Base may have been measured again since, with another version.
    """
    one = row.last
    if one is None:
        return None
    with context.database.read() as session:
        base = leaderboard.measured_in(session, task, None, row.job_id, one.round - 1)
    if base is None:
        return None
    n, n_correct = base
    gain, interval = difference_of_rates(one.n_correct, one.n, n_correct, n)
    return Headline(
        f"{compared(row.name, 'base', *interval)}:",
        f"{signed(gain)} points in round {one.round} (95 % {signed(interval.low)} to "
        f"{signed(interval.high)}, n = {one.n}).",
    )


def difference(context: DataContext, row: VersionRow, against: str) -> dict[str, Any] | None:
    """Returns the paired difference of the last round that the version's evaluation found."""
    if row.job_id is None:
        return None
    with context.database.read() as session:
        job = session.get(Job, row.job_id)
        rows = job.result.get("differences", []) if job else []
    found = [one for one in rows if one["version"] == row.name and one["against"] == against]
    return max(found, key=lambda one: int(one["round"])) if found else None
