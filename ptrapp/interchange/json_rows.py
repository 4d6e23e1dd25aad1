"""Reads rows of JSON: one a line, or a list whose elements are decoded one at a time."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn

from ptrapp.core.errors import InputError
from ptrapp.interchange.limits import MIB, FileRow, Limits, check_depth


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number that JSON knows")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for at, name in enumerate(names) if name in names[:at])
        raise ValueError(f"the field {twice[:60]!r} stands twice in one object")
    return found


DECODER = json.JSONDecoder(parse_constant=_no_number, object_pairs_hook=_each_once)
"""A strict decoder: JSON has no NaN and no infinities, and of two fields of one name none wins."""


def read_lines(file: BinaryIO, limits: Limits) -> Iterator[FileRow]:
    """Yields one JSON value a line; blank lines are skipped."""
    number, longest = 0, limits.n_line_bytes
    while line := file.readline(longest + 1):
        number += 1
        location = f"line {number}"
        if len(line) > longest and not line.endswith(b"\n"):
            while (rest := file.readline(longest)) and not rest.endswith(b"\n"):
                pass
            yield FileRow(location, mistake=f"longer than {longest // MIB} MiB")
            continue
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line.strip():
            yield _decoded(line, location, limits)


def _decoded(line: bytes, location: str, limits: Limits) -> FileRow:
    try:
        value = DECODER.decode(line.decode())
    except UnicodeDecodeError as error:
        return FileRow(location, mistake=f"no UTF-8 text (byte {error.start + 1})")
    except RecursionError:
        return FileRow(location, mistake=f"nested more than {limits.depth} deep")
    except ValueError as error:
        why = str(getattr(error, "msg", error))  # its own line is one within the row
        at = getattr(error, "pos", 0) + 1
        mistake = f"no JSON: {why} character {at}" if why.endswith(" at") else f"no JSON: {why}"
        return FileRow(location, mistake=mistake)
    return FileRow(location, value, check_depth(value, limits.depth))


def read_list(file: BinaryIO, name: str, limits: Limits) -> Iterator[FileRow]:
    """Yields the elements of a JSON list, decoded one at a time. Raises `InputError` if broken."""
    text = text_of_file(file, name)
    at, number = skip_space(text, text.index("[") + 1), 0
    while at < len(text) and text[at] != "]":
        number += 1
        try:
            value, end = DECODER.raw_decode(text, at)
        except RecursionError as error:
            raise InputError(
                f"{name}: row {number} is nested more than {limits.depth} deep."
            ) from error
        except ValueError as error:
            line = text.count("\n", 0, at) + 1
            raise InputError(f"{name} is no JSON: row {number}, at line {line}: {error}") from error
        if end - at > limits.n_line_bytes:
            yield FileRow(f"row {number}", mistake=f"longer than {limits.n_line_bytes // MIB} MiB")
        else:
            yield FileRow(f"row {number}", value, check_depth(value, limits.depth))
        at = skip_space(text, end)
        if at < len(text) and text[at] == ",":
            at = skip_space(text, at + 1)
        elif at >= len(text) or text[at] != "]":
            raise InputError(f"{name} is no JSON: no comma behind row {number}.")
    if at >= len(text) or text[at + 1 :].strip():
        raise InputError(f"{name} is no JSON: the list does not end where the file does.")


def text_of_file(file: BinaryIO, name: str) -> str:
    """Returns the whole file as a text. Raises `InputError` if it is none."""
    try:
        return file.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is no UTF-8 text (byte {error.start + 1}).") from error


def skip_space(text: str, at: int) -> int:
    """Returns the position of the next character that is no white space."""
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at
