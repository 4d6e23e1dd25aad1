"""Tables as spreadsheets and data frames save them: every row that is there, and nothing more."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ptrapp.core.errors import AnswerUnclear, InputError
from ptrapp.interchange import reading
from ptrapp.interchange.files import RowFile
from ptrapp.interchange.formats import Options
from ptrapp.interchange.limits import TERMINAL
from ptrapp.interchange.records import JudgedPair

Shown = tuple[str, str, str, str]
PAIRS = "prompt;response_a;response_b;winner\r\n"


def saved(folder: Path, text: str, encoding: str = "utf-8", name: str = "table.csv") -> Path:
    (folder / name).write_bytes(text.encode(encoding))
    return folder / name


def read(path: Path, column: str = "") -> tuple[list[Shown], list[str], dict[str, int]]:
    """Returns pairs with their outcomes, what is wrong with rows, and what is left out."""
    with RowFile(path, TERMINAL) as file:
        known = reading.understand(file, Options(answer_column=column))
        checked = reading.check(file, known.plan)
    shown = [
        (one.prompt.text, one.left.response, one.right.response, " ".join(x.outcome for x in one.labels))
        for one in checked.buffered or ()
        if isinstance(one, JudgedPair)
    ]  # fmt: skip
    return shown, checked.mistakes.named, dict(checked.left_out)


@pytest.mark.parametrize(
    ("encoding", "mark"), [("utf-8", ""), ("utf-8-sig", ""), ("utf-16-le", "\ufeff"), ("utf-16-be", "\ufeff")]
)  # fmt: skip
@pytest.mark.parametrize("separator", [";", ",", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_saved_table_has_its_rows_whatever_parts_and_ends_them(
    tmp_path: Path, encoding: str, mark: str, separator: str, line_end: str
) -> None:
    lines = (
        ("prompt", "response_a", "response_b", "winner"),
        ("Wörter?", '"one; and, ""more""\nbelow"', "two", "response_b"),
        ("Again?", "x", "y", "A"),
    )
    text = mark + "".join(separator.join(one) + line_end for one in lines)
    shown, mistakes, _ = read(saved(tmp_path, text, encoding))
    assert mistakes == []
    assert shown == [
        ("Wörter?", 'one; and, "more"\nbelow', "two", "right"),
        ("Again?", "x", "y", "left"),
    ]


def test_lines_of_nothing_but_separators_are_no_rows(tmp_path: Path) -> None:
    text = PAIRS + "Q?;x;y;a\r\n;;;\r\n\r\n ; ;;\r\nR?;x;y;b\r\n;;;\r\n"
    shown, mistakes, left_out = read(saved(tmp_path, text))
    assert ([one[3] for one in shown], mistakes, left_out) == (["left", "right"], [], {})


@pytest.mark.parametrize(
    "header", ["prompt,chosen,chosen,rejected", "prompt,chosen, chosen,rejected"]
)
def test_two_columns_of_one_name_are_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(InputError, match="more than one column called chosen; give each"):
        read(saved(tmp_path, header + "\nQ?,one,two,three\n"))


def test_columns_without_a_name_may_be_many(tmp_path: Path) -> None:
    path = saved(tmp_path, ",prompt,chosen,rejected,,\n0,Q?,x,y,,note\n")
    assert read(path)[0] == [("Q?", "x", "y", "left")]
    with RowFile(path, TERMINAL) as file:
        assert list(reading.understand(file).unused) == ["a column without a name"]


def test_a_comma_before_one_or_two_digits_is_a_decimal_comma(tmp_path: Path) -> None:
    head = "prompt;response_1;response_2;"
    scores = saved(tmp_path, head + "score_1;score_2\r\nQ?;x;y;9,5;10,25\r\nR?;x;y;3;2,5\r\n")
    assert [one[3] for one in read(scores)[0]] == ["right", "left"]
    numbers = saved(tmp_path, head + "winner\r\nQ?;x;y;1,0\r\nR?;x;y;2,0\r\n")
    assert [one[3] for one in read(numbers)[0]] == ["left", "right"]
    unclear = saved(tmp_path, head + "score_1;score_2\r\nQ?;x;y;1,500;2\r\n")
    with pytest.raises(InputError, match="'score_1' is '1,500' instead of a number"):
        read(unclear)


def test_a_missing_score_is_no_vote(tmp_path: Path) -> None:
    columns = {
        "prompt": ["P?", "Q?", "R?"],
        "response_a": ["x"] * 3,
        "response_b": ["y"] * 3,
        "score_a": [float("nan"), 2.0, 3.0],
        "score_b": [1.0, float("nan"), 1.0],
    }
    pq.write_table(pa.table(columns), tmp_path / "frame.parquet")
    shown, mistakes, left_out = read(tmp_path / "frame.parquet")
    assert ([one[3] for one in shown], mistakes) == (["", "", "left"], [])
    assert left_out == {"a pair without an answer: it is stored to be labelled": 2}


def test_nan_is_no_answer_and_none_may_be_two(tmp_path: Path) -> None:
    shown, _, left_out = read(saved(tmp_path, PAIRS + "Q?;x;y;a\r\nR?;x;y;nan\r\n"))
    assert ([one[3] for one in shown], sum(left_out.values())) == (["left", ""], 1)
    with pytest.raises(InputError, match="'None' in 'winner' may be no answer, or neither"):
        read(saved(tmp_path, PAIRS + "Q?;x;y;a\r\nR?;x;y;None\r\n"))


def test_ones_alone_may_be_counted_from_zero(tmp_path: Path) -> None:
    text = PAIRS + "Q?;x;y;1\r\nR?;x;y;1\r\n"
    with pytest.raises(AnswerUnclear, match="every number in 'winner' is 1") as refusal:
        read(saved(tmp_path, text))
    assert refusal.value.columns == ("winner",)
    assert [one[3] for one in read(saved(tmp_path, text), "winner")[0]] == ["left", "left"]
    counted = saved(tmp_path, text + "S?;x;y;2\r\n")
    assert [one[3] for one in read(counted)[0]] == ["left", "left", "right"]


def test_an_answer_that_names_no_text_is_refused_with_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="write response_a, response_b or tie, or name the column"):
        read(saved(tmp_path, PAIRS + "Q?;x;y;a\r\nR?;x;y;0\r\n"))


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"])
def test_a_workbook_is_named_as_such(tmp_path: Path, start: bytes) -> None:
    (tmp_path / "book.xls").write_bytes(start + b"\x00\x01")
    with pytest.raises(InputError, match="is a workbook or a zip file; save its table as CSV"):
        read(tmp_path / "book.xls")


def test_a_table_under_another_name_is_named_as_such(tmp_path: Path) -> None:
    text = "\ufeffprompt\tchosen\trejected\r\nQ?\tx\ty\r\n"
    with pytest.raises(InputError, match=r"looks like the header of a table; .* \.csv or \.tsv"):
        read(saved(tmp_path, text, "utf-16-le", "unicode.txt"))
