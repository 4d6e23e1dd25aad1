"""Files of every kind, good and hostile: rows with their locations, or one clear sentence."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ptrapp.core.errors import InputError
from ptrapp.interchange import formats, reading
from ptrapp.interchange.files import RowFile
from ptrapp.interchange.formats import Format
from ptrapp.interchange.limits import MIB, FileRow, Limits

SMALL = Limits(n_bytes=MIB, n_rows=100, n_line_bytes=2000, depth=6)
ROWS = [{"prompt": "Wie groß?", "n": 1}, {"prompt": "Why, “you”?", "n": 2}]


def read(path: Path, limits: Limits = SMALL) -> list[FileRow]:
    with RowFile(path, limits) as rows:
        first = list(rows)
        assert list(rows) == first, "rows can be gone through again"
        return first


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def lines(rows: list[Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def table(folder: Path, rows: list[dict[str, Any]], **options: Any) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), folder / "t.parquet", **options)
    return folder / "t.parquet"


@pytest.mark.parametrize("kind", ["jsonl", "bom", "json", "pretty", "csv", "tsv", "parquet", "gz"])
def test_every_kind_of_file_gives_the_same_rows(tmp_path: Path, kind: str) -> None:
    head, cells = "prompt,n\n", 'Wie groß?,1\n"Why, “you”?",2\n'
    path = {
        "jsonl": lambda: written(tmp_path, "a.jsonl", "\n" + lines(ROWS)),
        "bom": lambda: written(tmp_path, "a.jsonl", "\ufeff" + lines(ROWS)),
        "json": lambda: written(tmp_path, "a.json", json.dumps(ROWS)),
        "pretty": lambda: written(tmp_path, "a.json", json.dumps(ROWS, indent=2)),
        "csv": lambda: written(tmp_path, "a.csv", head + cells),
        "tsv": lambda: written(tmp_path, "a.tsv", "prompt\tn\nWie groß?\t1\nWhy, “you”?\t2\n"),
        "parquet": lambda: table(tmp_path, ROWS),
        "gz": lambda: written(tmp_path, "a.jsonl.gz", gzip.compress(lines(ROWS).encode())),
    }[kind]()
    found = [row.value for row in read(path)]
    assert [(row["prompt"], int(row["n"])) for row in found] == [
        ("Wie groß?", 1),
        ("Why, “you”?", 2),
    ]


def test_a_csv_cell_of_messages_is_a_list_and_any_other_text_stays(tmp_path: Path) -> None:
    path = written(
        tmp_path, "a.csv", 'prompt,b\n"[{""role"": ""user"", ""content"": ""x""}]","[1]"\n'
    )
    (row,) = read(path)
    assert reading.prepared(row.value) == {"prompt": [{"role": "user", "content": "x"}], "b": "[1]"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{broken", "no JSON"),
        ("{" * 1500, "no JSON"),
        ("[" * 1990, "nested more than 6 deep"),
        ('{"a":' * 8 + "1" + "}" * 8, "nested more than 6 deep"),
        ('{"a": NaN}', "NaN is no number"),
        ('{"winner": "a", "b": 1, "winner": "b"}', "the field 'winner' stands twice in one object"),
        ('{"a": {"b": 1, "b": 1}}', "the field 'b' stands twice"),
        ("x" * 3000, "longer than"),
        ("1" * 1999 + "x", "no JSON"),
    ],
)
def test_a_bad_line_is_a_mistake_with_its_location_and_the_next_one_is_read(
    tmp_path: Path, line: str, words: str
) -> None:
    path = written(tmp_path, "a.jsonl", lines(ROWS[:1]) + line + "\n" + lines(ROWS[1:]))
    rows = read(path)
    assert [row.location for row in rows] == ["line 1", "line 2", "line 3"]
    assert re.search(words, rows[1].mistake or "")
    assert rows[2].value == ROWS[1]


@pytest.mark.parametrize(
    "content",
    [
        '[{"prompt": "Why?", "chosen": "a", "rejected": "b", "chosen": "c"}]',
        '{\n "prompt": "Why?",\n "chosen": "a",\n "chosen": "c"\n}',
        '{"data": [{"prompt": "Why?", "chosen": "a", "rejected": "b", "chosen": "c"}]}',
    ],
)
def test_of_two_fields_of_one_name_none_wins_in_silence(tmp_path: Path, content: str) -> None:
    path = written(tmp_path, "a.json", content)
    try:
        (row,) = read(path)
        said = row.mistake or ""
    except InputError as error:
        said = str(error)
    assert "the field 'chosen' stands twice in one object" in said


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    rows = read(written(tmp_path, "a.jsonl", b'{"a": "\xff"}\n' + lines(ROWS).encode()))
    assert rows[0].mistake == "no UTF-8 text (byte 8)"


def test_a_row_with_too_few_cells_is_a_mistake(tmp_path: Path) -> None:
    rows = read(written(tmp_path, "a.csv", "a,b\n1\n1,2,3\n1,2\n"))
    assert [row.mistake is None for row in rows] == [False, False, True]
    assert rows[0].mistake == "not as many cells as the header's 2"


def bomb(folder: Path) -> Path:
    return written(folder, "bomb.jsonl.gz", gzip.compress(b"[" + b" " * (40 * MIB)))


@pytest.mark.parametrize("keep_dictionary", [True, False])
def test_a_text_repeated_by_a_dictionary_is_not_expanded_without_limit(
    tmp_path: Path, keep_dictionary: bool
) -> None:
    names = pa.array([0] * 90_000, pa.int32())
    long = pa.DictionaryArray.from_arrays(names, pa.array(["x" * 50_000]))
    pq.write_table(pa.table({"prompt": long}), tmp_path / "t.parquet", store_schema=keep_dictionary)
    assert (tmp_path / "t.parquet").stat().st_size < MIB / 4
    with pytest.raises(InputError, match="unpacks to more than 4 MiB"):
        read(tmp_path / "t.parquet", Limits(n_bytes=MIB, n_rows=10**6))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (bomb, "unpacks to more than"),
        (lambda f: written(f, "a.jsonl", b"x" * (MIB + 1)), r"has 1\.0 MiB, more than 1"),
        (lambda f: written(f, "a.jsonl", "{}\n" * 101), "more than 100 rows"),
        (lambda f: written(f, "a.json", '[{"a": 1}, {"b": '), "no JSON: row 2, at line 1"),
        (lambda f: written(f, "a.json", '[{"a": 1} {"b": 1}]'), "no comma behind row 1"),
        (lambda f: written(f, "a.json", '[{"a": 1}'), "no comma behind row 1"),
        (lambda f: written(f, "a.json", '[{"a": 1}] x'), "does not end where the file does"),
        (lambda f: written(f, "a.json", "[" * 100_000), "nested more than"),
        (lambda f: written(f, "a.json", b"[\xff]"), "no UTF-8"),
        (lambda f: written(f, "a.csv", "a,b\n\xff".encode("latin-1")), "no UTF-8"),
        (lambda f: written(f, "a.csv", f'a,b\n1,{"x" * 5000}\n'), "no CSV, behind line 1"),
        (lambda f: written(f, "a.csv", 'a,b\n"1,2\n'), "no CSV"),
        (lambda f: written(f, "a.parquet", b"PAR1" + b"\x00" * 100 + b"PAR1"), "as Parquet"),
        (lambda f: written(f, "a.gz", b"\x1f\x8b" + b"\x00" * 30), "cannot be unpacked"),
        (lambda f: written(f, "a.gz", gzip.compress(b"{}" * 999)[:-9]), "cannot be unpacked"),
        (lambda f: f / "nowhere.jsonl", "cannot be read: No such file"),
        (lambda f: f, "cannot be read: Is a directory"),
    ],
)  # fmt: skip
def test_a_hostile_or_broken_file_is_refused_in_one_sentence(
    tmp_path: Path, make: Any, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        read(make(tmp_path))


def test_a_long_row_of_a_table_is_read_within_its_bounds(tmp_path: Path) -> None:
    rows = [{"prompt": "x" * 3000} for _ in range(99)]
    assert len(read(table(tmp_path, rows))) == 99


PAIR = {"prompt": "a", "chosen": "b", "rejected": "c"}
MESSAGES = [{"role": "user", "content": "a"}]


@pytest.mark.parametrize(
    ("row", "fmt"),
    [
        (PAIR, Format.PREFERENCES),
        ({"chosen": "ab", "rejected": "ac", "source": "x"}, Format.PREFERENCES),
        ({"thrice": "{}"}, Format.PREFERENCES),
        ({"thrice_vote": 1, "prompt": {}}, Format.VOTES),
        ({"prompt": "a", "completion": "b", "label": True}, Format.UNPAIRED),
        ({"question": "a", "output1": "b", "output2": "c", "id": 1}, Format.ATTEMPTS),
        ({"id": 1, "data": {"prompt": "x"}, "annotations": []}, Format.LABEL_STUDIO),
        ({"prompt": "x", "annotator": 1, "annotation_id": 2, "pw": []}, Format.LABEL_STUDIO_MIN),
        ({"id": 1, "fields": {"prompt": "a"}, "responses": {}}, Format.ARGILLA),
        ({"prompt": "a", "q.responses": None, "q.responses.users": None}, Format.ARGILLA),
        ({"messages": MESSAGES}, Format.PROMPTS),
        ({"instruction": "a", "output": "b"}, Format.PROMPTS),
    ],
)
def test_the_format_is_detected_by_the_columns(row: dict[str, Any], fmt: Format) -> None:
    assert formats.detect([row], "f") is fmt


def test_an_unknown_format_names_its_columns_and_what_is_known() -> None:
    with pytest.raises(InputError, match=r"its columns are bar, foo\. Known are prompt, chosen"):
        formats.detect([{"foo": 1, "bar": 2}], "f.jsonl")
    with pytest.raises(InputError, match="no objects with named columns"):
        formats.detect(["text", 3], "f.jsonl")


def test_ten_bad_rows_are_named_and_the_others_counted(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", lines([PAIR, *[PAIR | {"rejected": "b"}] * 25]))
    with RowFile(path, SMALL) as rows:
        message = reading.check(rows, reading.understand(rows).plan).mistakes.in_words(rows.name)
    assert "line 2: 'chosen' and 'rejected' are the same text; line 3:" in message
    assert "line 11:" in message
    assert "line 12:" not in message
    assert "; and 15 more. Nothing was imported" in message


def test_an_empty_file_and_one_of_broken_rows_are_refused_as_such(tmp_path: Path) -> None:
    for content, words in (("", "holds no rows"), ("{\n{\n", "line 1: no JSON")):
        with RowFile(written(tmp_path, "a.jsonl", content), SMALL) as rows:
            with pytest.raises(InputError, match=words):
                reading.understand(rows)


@pytest.mark.parametrize("stated", ["", "sep=,\n"])
def test_a_table_of_a_million_columns_is_refused(tmp_path: Path, stated: str) -> None:
    wide = ",".join(f"c{n}" for n in range(1_000_000))
    path = written(tmp_path, "wide.csv", f"{stated}{wide}\n" + "," * 999_999 + "\n")
    limits = Limits(n_bytes=64 * MIB, n_rows=10, n_line_bytes=32 * MIB)
    with pytest.raises(InputError, match="columns"):
        list(RowFile(path, limits))


def test_an_object_of_a_million_fields_is_a_mistake(tmp_path: Path) -> None:
    row = json.dumps({f"c{n}": 1 for n in range(1001)})
    (found,) = list(RowFile(written(tmp_path, "wide.jsonl", row + "\n"), Limits(MIB, 10)))
    assert found.mistake == "more than 1000 fields"


def test_lines_of_json_under_the_name_of_a_table_are_read(tmp_path: Path) -> None:
    assert [row.value for row in read(written(tmp_path, "a.csv", lines(ROWS)))] == ROWS
    (row,) = read(written(tmp_path, "b.csv", "{a},b\n1,2\n"))
    assert row.value == {"{a}": "1", "b": "2"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("prompt,chosen,rejected\nQ?,x,y\n", "header of a table; if it is one, name the file .csv"),
        ("prompt\tn\nQ?\t1\n", "header of a table"),
        (
            "--------------------------d74496d66958873e\r\nContent-Disposition: form-data; "
            'name="file"; filename="x"\r\n\r\n{"prompt": "Q?"}\r\n',
            "frame of a form .* send the file itself as the body",
        ),
    ],
)
def test_a_table_or_a_form_under_the_name_of_json_is_named_as_such(
    tmp_path: Path, content: str, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        read(written(tmp_path, "a.jsonl", content))


@pytest.mark.parametrize("n", [1, 2, 5, 3_000])
def test_the_line_is_named_that_is_no_utf8(tmp_path: Path, n: int) -> None:
    """Excel's plain CSV is of a code page; rows are decoded in blocks."""
    rows = [b"Gr\xc3\xbc\xc3\x9fe,gut", *[b"Wie gro\xc3\x9f?,12"] * 4_000]
    rows[n - 1] = b"Gr\xfc\xdfe,gut"
    file = written(tmp_path, "excel.csv", b"prompt,answer\r\n" + b"\r\n".join(rows))
    wanted = rf"excel\.csv is no UTF-8 text \(line {n + 1}\); save it as UTF-8"
    with pytest.raises(InputError, match=wanted):
        read(file, Limits(n_bytes=MIB, n_rows=9_000, n_line_bytes=2000, depth=6))
