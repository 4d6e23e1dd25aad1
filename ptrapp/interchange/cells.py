"""Cells of a CSV file: a spreadsheet must not run what a model or a stranger wrote."""

import re

_DANGER = re.compile(r"'*[=+\-@\t\r]")
_KEPT = re.compile(r"'+[=+\-@\t\r]")


def safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; one that looks safe already is made so too,
    so that `plain` brings back exactly what was there.

    >>> safe("=1+1"), safe("'=1"), safe("fine")
    ("'=1+1", "''=1", 'fine')
    """
    return f"'{cell}" if _DANGER.match(cell) else cell


def plain(cell: str) -> str:
    """The opposite of `safe`."""
    return cell[1:] if _KEPT.match(cell) else cell
