"""Reads rows of CSV, TSV and Parquet, and escapes CSV cells that a spreadsheet would run."""

import csv
import re
from codecs import getincrementaldecoder
from collections.abc import Iterator, Sequence
from decimal import Decimal
from io import TextIOWrapper
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ptrapp.core.errors import InputError
from ptrapp.interchange import votes
from ptrapp.interchange.cells import NAN
from ptrapp.interchange.limits import MIB, FileRow, Limits, check_depth

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_STATED = re.compile(r"\"?sep=(.)\"?\r?\n?$", re.IGNORECASE)
"""A first line that names the separator for Excel."""
_LINE_END = re.compile(r"\r\n?|\n")
_SEPARATORS = (",", ";", "\t", "|")
_ESCAPED = re.compile(r"'+[=+\-@\t\r]")
_PARQUET_ROWS = 256
"""Rows read at once: few, so that repeated long texts cannot expand to gigabytes."""


def read_csv(file: BinaryIO, name: str, limits: Limits, *, tabs: bool) -> Iterator[FileRow]:
    """Yields one object a row, its names from the header, which also tells the separator."""
    csv.field_size_limit(limits.n_line_bytes)
    first = (
        file.readline(limits.n_line_bytes).removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
    )
    stated = _STATED.match(first)
    if stated is None:
        file.seek(0)
        header = first
    else:
        at = file.tell()
        header = file.readline(limits.n_line_bytes).decode(errors="replace")
        file.seek(at)
    header = _LINE_END.split(header, maxsplit=1)[0]
    separator = stated[1] if stated else _separator(header, "\t" if tabs else ",")
    text = TextIOWrapper(file, encoding="utf-8-sig", newline="")
    rows = csv.DictReader(text, delimiter=separator, strict=True)
    n_before, n_read = int(stated is not None), 0
    _check_columns(header, separator, name, limits)
    while True:
        try:
            row = next(rows, None)
        except UnicodeDecodeError as error:
            line = _first_undecodable(text.detach())
            raise InputError(
                f"{name} is no UTF-8 text (line {line}); save it as UTF-8, as which Excel has "
                "“CSV UTF-8”."
            ) from error
        except csv.Error as error:
            raise InputError(f"{name} is no CSV, behind line {rows.line_num}: {error}.") from error
        if row is None:
            return
        if not n_read:
            _check_names(rows.fieldnames or (), name)
        n_read += 1
        if not any(map(_holds, row.values())):
            continue  # as a blank line: a spreadsheet writes them below its table
        location = f"line {rows.line_num + n_before}"
        if None in row or None in row.values():
            yield FileRow(
                location, mistake=f"not as many cells as the header's {len(row) - (None in row)}"
            )
        else:
            read = unescaped if votes.MARK in row else _filled
            yield FileRow(location, {column: read(cell) for column, cell in row.items()})


def _first_undecodable(file: Any) -> int:
    """Returns the number of the first line that is no UTF-8: rows are decoded in blocks."""
    file.seek(0)
    decoder, n_before = getincrementaldecoder("utf-8")(), 0
    while block := file.read(1 << 16):
        try:
            n_before += decoder.decode(block).count("\n")
        except UnicodeDecodeError as error:
            return n_before + error.object[: error.start].count(b"\n") + 1
    return n_before + 1


def _check_columns(header: str, separator: str, name: str, limits: Limits) -> None:
    """Raises `InputError` for a header with more columns than a file may have."""
    n_columns = header.count(separator) + 1
    if n_columns > limits.n_columns:
        raise InputError(
            f"{name} has about {n_columns} columns; at most {limits.n_columns} are read. Leave out "
            "those that hold no text."
        )


def _check_names(header: Sequence[str], name: str) -> None:
    """Raises `InputError` for two columns with one name, of which only one could be read."""
    named = [one.strip() for one in header if one.strip()]
    if twice := sorted({one for one in named if named.count(one) > 1}):
        raise InputError(
            f"{name} has more than one column called {', '.join(twice)}; give each its own name."
        )


def _holds(cells: str | list[str] | None) -> bool:
    """Returns whether a cell, or those beyond the header's, hold anything."""
    return any(map(_holds, cells)) if isinstance(cells, list) else bool(cells and cells.strip())


def _filled(cell: str) -> str:
    """Returns a cell, "" where a data frame wrote that it has nothing there."""
    return "" if cell.strip() in NAN else cell


def _separator(header: str, usual: str) -> str:
    """Returns what parts the header into most names, the usual one of equals.

    >>> _separator("prompt;chosen;rejected", ",")
    ';'
    """
    return max(
        (usual, *_SEPARATORS), key=lambda one: len(next(csv.reader([header], delimiter=one), ()))
    )


def read_parquet(file: BinaryIO, name: str, limits: Limits) -> Iterator[FileRow]:
    """Yields one object a row; neither its stated nor its actual size may exceed the limits."""
    try:
        opened = pq.ParquetFile(file)
        groups = opened.metadata
        if groups.num_columns > limits.n_columns:
            raise InputError(f"{name} has {groups.num_columns} columns; give fewer.")
        stated = sum(groups.row_group(n).total_byte_size for n in range(groups.num_row_groups))
        _check_expansion(stated, name, limits)
        has_decimals = "decimal" in str(opened.schema_arrow)
        number, n_bytes = 0, 0
        for batch in opened.iter_batches(batch_size=_PARQUET_ROWS):
            n_bytes += sum(_size(column, name) for column in batch.columns)
            _check_expansion(n_bytes, name, limits)
            for value in batch.to_pylist():
                number += 1
                value = with_numbers(value) if has_decimals else value
                yield FileRow(f"row {number}", value, check_depth(value, limits.depth))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{name} cannot be read as Parquet: {error}") from error


def with_numbers(value: Any) -> Any:
    """Returns a value with every decimal, as databases write scores, as a usual number.

    >>> with_numbers({"score": Decimal("8.50"), "rank": Decimal("2.0")})
    {'score': 8.5, 'rank': 2}
    """
    if isinstance(value, Decimal):
        is_whole = value.is_finite() and value == value.to_integral_value()
        return int(value) if is_whole else float(value)
    if isinstance(value, dict):
        return {name: with_numbers(one) for name, one in value.items()}
    return [with_numbers(one) for one in value] if isinstance(value, list) else value


def _size(column: pa.Array, name: str) -> int:
    """Returns the bytes of a column's values; a dictionary may refer to a long text many times."""
    if pa.types.is_dictionary(column.type):
        lengths = pc.binary_length(column.dictionary.cast(pa.large_binary()))
        return pc.sum(pc.take(lengths, column.indices)).as_py() or 0
    if "dictionary<" in str(column.type):
        raise InputError(f"{name} holds dictionaries inside of lists; write it without them.")
    return column.nbytes


def _check_expansion(n_bytes: int, name: str, limits: Limits) -> None:
    if n_bytes > limits.n_expanded_bytes:
        raise InputError(
            f"{name} unpacks to more than {limits.n_expanded_bytes // MIB} MiB; give it in parts."
        )


def escaped(cell: str) -> str:
    """Escapes a cell that a spreadsheet would take for a formula, or that looks escaped already, so
    that `unescaped` restores it exactly.

    >>> escaped("=1+1"), escaped("'=1"), escaped("fine")
    ("'=1+1", "''=1", 'fine')
    """
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unescaped(cell: str) -> str:
    """Restores a cell, the inverse of `escaped`."""
    return cell[1:] if _ESCAPED.match(cell) else cell
