"""Reads JSON that is neither a list nor one object a line: wrapped lists, frames, pretty objects.

pandas writes a frame by columns (`{"prompt": {"0": …}}`), split or as lists; a program that prints
objects with indentation writes them one after another; the hub's API wraps each row once more.
"""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from ptrapp.core.errors import InputError
from ptrapp.interchange.conversation import is_messages
from ptrapp.interchange.json_rows import DECODER, skip_space, text_of_file
from ptrapp.interchange.limits import MIB, FileRow, Limits, check_depth

_WRAPPERS = frozenset(
    [
        "data",
        "rows",
        "items",
        "records",
        "examples",
        "instances",
        "results",
        "samples",
        "train",
        "test",
        "validation",
    ]
)
_ROW = frozenset(
    [
        "prompt",
        "question",
        "instruction",
        "input",
        "messages",
        "conversations",
        "conversation",
        "fields",
        "annotations",
        "chosen",
        "rejected",
        "completions",
        "responses",
        "answers",
        "context",
        "history",
        "text",
    ]
)
"""Columns of a single row; an object with one of them wraps nothing."""


def read_whole(file: BinaryIO, name: str, limits: Limits) -> Iterator[FileRow] | None:
    """Returns the rows of a file that begins with an object; None where each line is an object.

    Raises `InputError` that names the shape when there is no one way to read it.
    """
    first = file.readline(limits.n_line_bytes).removeprefix(b"\xef\xbb\xbf")
    second = b""
    while not second and (line := file.readline(limits.n_line_bytes)):
        second = line.strip()
    file.seek(0)
    if second.startswith(b"{") and _is_json(first):
        return None
    if _is_json(first) and second:
        return None
    if second and first.strip() != b"{" and not first.lstrip().startswith(b"{"):
        return None
    try:
        text = text_of_file(file, name)
    except InputError:  # the line with the wrong byte is named when the lines are read
        return None
    finally:
        file.seek(0)
    try:
        value, end = DECODER.raw_decode(text, skip_space(text, 0))
    except RecursionError:
        return None
    except ValueError as error:
        if first.strip() == b"{" and second.startswith(b'"'):
            raise InputError(f"{name} is no JSON: {error}.") from error
        return None
    if text[end:].strip():
        return _one_after_another(text, name, limits)
    return unwrapped(value, name, limits)


def unwrapped(value: Any, name: str, limits: Limits) -> Iterator[FileRow]:
    """Yields the rows that a single object holds; one that wraps nothing is a row itself."""
    if not isinstance(value, Mapping) or (
        _ROW & {str(key).lower() for key in value} and not _is_frame(value)
    ):
        return _numbered([value], limits)
    if (frame := _frame(value)) is not None:
        return _numbered(frame, limits)
    if (inside := _wrapped(value)) is not None:
        return unwrapped(inside, name, limits)
    lists = [str(key) for key, one in value.items() if _holds_rows(one)]
    if "features" in lists and "rows" in lists:
        lists = ["rows"]
    if len(lists) > 1:
        raise InputError(
            f"{name} is one object with more than one list inside ({', '.join(lists)}); give "
            "one of them "
            "as a file of its own."
        )
    if lists and (lists[0] in _WRAPPERS or not any(key in _ROW for key in value)):
        return _numbered(value[lists[0]], limits)
    return _numbered([value], limits)


def _wrapped(value: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Returns the object in which another object holds its rows, as `{"data": {"rows": […]}}`."""
    objects = [
        one
        for key, one in value.items()
        if str(key).lower() in _WRAPPERS and isinstance(one, Mapping)
    ]
    if len(objects) != 1 or any(map(_holds_rows, value.values())):
        return None
    inside = objects[0]
    if _ROW & {str(key).lower() for key in inside}:
        return None
    return inside if any(map(_holds_rows, inside.values())) or _wrapped(inside) else None


def _one_after_another(text: str, name: str, limits: Limits) -> Iterator[FileRow]:
    at, number = skip_space(text, 0), 0
    while at < len(text):
        number += 1
        line = text.count("\n", 0, at) + 1
        try:
            value, at_end = DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{name} is no JSON: object {number}, at line {line}: {error}"
            ) from error
        yield _row(f"line {line}", value, at_end - at, limits)
        at = skip_space(text, at_end)
        if text[at : at + 1] == ",":
            at = skip_space(text, at + 1)


def _numbered(values: list[Any], limits: Limits) -> Iterator[FileRow]:
    for number, value in enumerate(values, start=1):
        yield _row(f"row {number}", value, 0, limits)


def _row(location: str, value: Any, n_chars: int, limits: Limits) -> FileRow:
    if isinstance(value, Mapping) and "row_idx" in value and isinstance(value.get("row"), Mapping):
        if cut := value.get("truncated_cells"):
            return FileRow(location, mistake=f"the hub cut {cut}; take the data set's own file")
        value = value["row"]
    if n_chars > limits.n_line_bytes:
        return FileRow(location, mistake=f"longer than {limits.n_line_bytes // MIB} MiB")
    return FileRow(location, value, check_depth(value, limits.depth))


def _frame(value: Mapping[str, Any]) -> list[Any] | None:
    """Returns the rows of a data frame as pandas writes it by columns, None for other objects."""
    if {"columns", "data"} <= set(value) and isinstance(value["columns"], list):
        rows = value["data"]
        if isinstance(rows, list) and all(isinstance(row, list) for row in rows):
            return [dict(zip(value["columns"], row, strict=False)) for row in rows]
    if _is_indexed(value) and all(isinstance(one, Mapping) for one in value.values()):
        return list(value.values())
    if not _is_frame(value):
        return None
    columns = {
        name: list(one.values()) if isinstance(one, Mapping) else one for name, one in value.items()
    }
    n_rows = len(next(iter(columns.values())))
    return [{name: column[n] for name, column in columns.items()} for n in range(n_rows)]


def _is_frame(value: Mapping[str, Any]) -> bool:
    columns = list(value.values())
    if len(columns) < 2:
        return bool(columns) and _is_indexed(columns[0])
    if all(_is_indexed(one) for one in columns):
        return len({tuple(one) for one in columns}) == 1
    listed = all(isinstance(one, list) and one and not is_messages(one) for one in columns)
    return listed and len({len(one) for one in columns}) == 1 and not any(map(_holds_rows, columns))


def _is_indexed(column: Any) -> bool:
    return (
        isinstance(column, Mapping) and bool(column) and all(str(key).isdigit() for key in column)
    )


def _holds_rows(value: Any) -> bool:
    if (
        not isinstance(value, list)
        or not value
        or not all(isinstance(one, Mapping) for one in value)
    ):
        return False
    return not {"role", "from"} & set(value[0])


def _is_json(line: bytes) -> bool:
    try:
        DECODER.decode(line.decode())
    except (ValueError, RecursionError):
        return False
    return True
