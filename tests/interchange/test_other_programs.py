"""Files as other programs write them: what is imported, what is left out, and what is said of it."""

import json
from pathlib import Path
from typing import Any

from ptrapp.interchange import reading
from ptrapp.interchange.files import RowFile
from ptrapp.interchange.formats import Options
from ptrapp.interchange.limits import TERMINAL
from ptrapp.interchange.records import JudgedPair

Shown = tuple[str, str, str, list[str]]


def file_of(folder: Path, *rows: Any) -> Path:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "rows.jsonl"


def read(path: Path, column: str = "") -> tuple[reading.Reading, reading.Checked, list[Shown]]:
    """Returns how a file is read, what it holds, and its pairs."""
    with RowFile(path, TERMINAL) as file:
        known = reading.understand(file, Options(answer_column=column))
        checked = reading.check(file, known.plan)
    shown = [
        (one.prompt.text, one.left.response, one.right.response, [x.outcome for x in one.labels])
        for one in checked.buffered or ()
        if isinstance(one, JudgedPair)
    ]
    return known, checked, shown


def test_transcripts_that_part_before_the_last_answer_are_left_out_and_counted(
    tmp_path: Path,
) -> None:
    def row(*turns: str) -> dict[str, str]:
        begin = "\n\nHuman: Q?\n\nAssistant: "
        return {
            name: begin + turn for name, turn in zip(("chosen", "rejected"), turns, strict=True)
        }

    rows = (row("x", "y"), row("x\n\nHuman: And?\n\nAssistant: z", "y"))
    _, checked, shown = read(file_of(tmp_path, *rows))
    assert shown == [("Q?", "x", "y", ["left"])]
    assert dict(checked.left_out) == {
        "a conversation whose two sides part before the last answer": 1
    }


def test_scores_that_contradict_the_chosen_text_are_told(tmp_path: Path) -> None:
    def row(n: int, chosen: float, rejected: float) -> dict[str, Any]:
        scores = {"score_chosen": chosen, "score_rejected": rejected}
        return {"prompt": f"Q{n}?", "chosen": "x", "rejected": "y"} | scores

    known, _, shown = read(file_of(tmp_path, row(1, 8.5, 2), row(2, 3, 8), row(3, 5, 5)))
    assert [one[3] for one in shown] == [["left"]] * 3
    assert known.plan.said == (
        "score_chosen is lower than score_rejected in 1 row; "
        "chosen is read as better than rejected there too",
    )
