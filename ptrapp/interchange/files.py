"""Reads the rows of a JSONL, JSON, CSV or Parquet file, gzipped or not, any number of times.

The kind is detected by the first bytes. A row that cannot be read is a mistake with its location,
and the rows after it are read; a broken file is an error.
"""

import gzip
import json
import re
import tempfile
import zlib
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO

from ptrapp.core.errors import InputError
from ptrapp.interchange.json_rows import read_lines, read_list
from ptrapp.interchange.json_shapes import read_whole
from ptrapp.interchange.limits import MIB, FileRow, Limits
from ptrapp.interchange.table_rows import read_csv, read_parquet
from ptrapp.interchange.values import as_text

_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How .xlsx, .ods and other zip files begin, and .xls."""

_FORM = re.compile(rb"--[-\w'()+,./:=?]{8,70}$")
"""The boundary with which a form begins, as curl -F sends one."""
_HEADER = re.compile(rb"[\w \".-]+(?:[,;\t|][\w \".-]+)+$")


def _is_object(line: bytes) -> bool:
    """Returns whether a line is a JSON object, as in a file of JSON lines under a table's name."""
    try:
        return line.startswith(b"{") and isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _wide_encoding(start: bytes) -> str:
    """Returns the encoding of a text of two bytes a character, "" for others."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if len(start) == 4 and start[1] == start[3] == 0 and start[0] and start[2]:
        return "utf-16-le"
    return "utf-16-be" if len(start) == 4 and start[0] == start[2] == 0 and start[1] else ""


class RowFile:
    """The rows of one file; iterating again reads it again. It is used as a context manager: a
    packed file is unpacked to a temporary one first."""

    def __init__(self, path: Path, limits: Limits, *, name: str | None = None) -> None:
        self.name = as_text(name or path.name or str(path))  # the name of . is empty
        self._path = path
        self._limits = limits
        self._unpacked: Any = None

    @property
    def path(self) -> Path:
        """The file as it was given, packed or not."""
        return self._path

    def __enter__(self) -> "RowFile":
        try:
            size = self._path.stat().st_size
            with self._path.open("rb") as file:
                start = file.read(4)
        except OSError as error:
            raise InputError(f"{self.name} cannot be read: {error.strerror}.") from error
        if size > self._limits.n_bytes:
            raise InputError(
                f"{self.name} has {size / MIB:.1f} MiB, more than {self._limits.n_bytes // MIB}; "
                "give it in parts."
            )
        if start.startswith(_GZIP):
            self._unpack(size)
            with self._open() as file:
                start = file.read(4)
        if start.startswith(_WORKBOOKS):
            raise InputError(
                f"{self.name} is a workbook or a zip file; save its table as CSV, or unpack it."
            )
        if encoding := _wide_encoding(start):
            self._recode(encoding)
        return self

    def __exit__(self, *_: object) -> None:
        if self._unpacked is not None:
            self._unpacked.close()

    def __iter__(self) -> Iterator[FileRow]:
        for number, row in enumerate(self._rows(), start=1):
            if number > self._limits.n_rows:
                raise InputError(
                    f"{self.name} has more than {self._limits.n_rows:,} rows; give it in parts."
                )
            if isinstance(row.value, dict) and len(row.value) > self._limits.n_columns:
                row = FileRow(row.location, mistake=f"more than {self._limits.n_columns} fields")
            yield row

    def _rows(self) -> Iterator[FileRow]:
        with self._open() as file:
            start = file.read(4)
            file.seek(0)
            first = self._first_line(file)
            kind = Path(self.name.removesuffix(".gz")).suffix.lower()
            if start == _PARQUET:
                yield from read_parquet(file, self.name, self._limits)
            elif self._starts_with(file, b"["):
                yield from read_list(file, self.name, self._limits)
            elif _FORM.match(first):
                raise InputError(
                    f"{self.name} has the frame of a form around it; send the file itself as the "
                    "body, with curl by --data-binary @FILE instead of -F."
                )
            elif kind in (".csv", ".tsv") and not _is_object(first):
                yield from read_csv(file, self.name, self._limits, tabs=kind == ".tsv")
            elif self._starts_with(file, b"{") and (
                rows := read_whole(file, self.name, self._limits)
            ):
                yield from rows
            elif _HEADER.match(first):
                raise InputError(
                    f"{self.name} is no JSON, and its first line looks like the header of a table; "
                    "if it is one, name the file .csv or .tsv."
                )
            else:
                yield from read_lines(file, self._limits)

    def _open(self) -> BinaryIO:
        path = Path(self._unpacked.name) if self._unpacked is not None else self._path
        return path.open("rb")

    def _first_line(self, file: BinaryIO) -> bytes:
        """Returns the first line, as far as it is not longer than a row may be."""
        line = file.readline(self._limits.n_line_bytes).removeprefix(b"\xef\xbb\xbf").strip()
        file.seek(0)
        return line

    def _starts_with(self, file: BinaryIO, first: bytes) -> bool:
        start = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
        file.seek(0)
        return start.startswith(first)

    def _recode(self, encoding: str) -> None:
        """Writes the text as UTF-8 to a temporary file, which is read instead."""
        recoded = tempfile.NamedTemporaryFile(suffix=".rows")  # noqa: SIM115 - closed at exit
        try:
            with self._open() as file, TextIOWrapper(file, encoding=encoding, newline="") as text:
                while part := text.read(MIB):
                    recoded.write(part.removeprefix("\ufeff").encode())
        except UnicodeError as error:
            recoded.close()
            raise InputError(
                f"{self.name} begins like UTF-16 and is none; save it as UTF-8."
            ) from error
        recoded.flush()
        if self._unpacked is not None:
            self._unpacked.close()
        self._unpacked = recoded

    def _unpack(self, size: int) -> None:
        """Unpacks to a temporary file. Raises `InputError` when that grows too large."""
        most = min(self._limits.n_expanded_bytes, max(size * self._limits.expansion, MIB))
        self._unpacked = tempfile.NamedTemporaryFile(suffix=".rows")  # noqa: SIM115 - closed at exit
        n_bytes = 0
        try:
            with gzip.open(self._path, "rb") as packed:
                while part := packed.read(MIB):
                    n_bytes += len(part)
                    if n_bytes > most:
                        raise InputError(
                            f"{self.name} unpacks to more than {most / MIB:.0f} MiB; give it "
                            "unpacked, or in parts."
                        )
                    self._unpacked.write(part)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{self.name} cannot be unpacked: {error}.") from error
        self._unpacked.flush()
