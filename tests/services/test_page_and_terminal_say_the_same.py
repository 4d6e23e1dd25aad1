"""A file is understood alike wherever it comes from: by the page and by `thrice import --dry-run`."""

import json
from pathlib import Path

import pytest
from stored_votes import context
from typer.testing import CliRunner

from db.storage.session import Database
from ptrapp.cli import commands
from ptrapp.core.errors import AnswerUnclear, InputError
from ptrapp.services.files import import_form
from ptrapp.services.files.import_form import ImportOrder

HEAD = "prompt;response_a;response_b;"
READ = {
    "words.csv": HEAD + "winner\r\nQ?;x;y;response_b\r\nR?;x;y;tie\r\n;;;\r\n",
    "marks.csv": HEAD + "a_lost;b_lost;note\r\nQ?;x;y;1;0;n\r\nR?;x;y;0;1;\r\n",
    "texts.csv": HEAD + "loser\r\nQ?;one;two;one\r\n",
    "scores.csv": HEAD + "score_a;score_b\r\nQ?;x;y;2,5;3\r\nR?;x;y;nan;3\r\n",
    "bad.jsonl": '{"prompt": "Q?", "chosen": "x", "rejected": "y"}\n{"prompt": "R?", "chosen": \n',
}
REFUSED = {
    "zero.csv": HEAD + "a_wins\r\nQ?;x;y;0\r\n",
    "both.csv": HEAD + "winner\r\nQ?;B;A;A\r\n",
    "prompt.csv": "frage;chosen;rejected\r\nQ?;It is x;It is y\r\n",
    "twice.csv": "prompt;chosen;chosen;rejected\r\nQ?;x;y;z\r\n",
}


def by_terminal(path: Path) -> object:
    result = CliRunner().invoke(commands.app, ["import", str(path), "--dry-run"])
    if result.exception:
        raise result.exception
    return json.loads(result.stdout)


@pytest.mark.parametrize("name", READ)
def test_a_file_that_is_read(database: Database, tmp_path: Path, name: str) -> None:
    at = context(database, tmp_path / "data")
    (tmp_path / name).write_bytes(READ[name].encode())
    seen = import_form.preview(at, ImportOrder(file=str(tmp_path / name)))
    assert by_terminal(tmp_path / name) == json.loads(json.dumps(seen.as_json()))
    assert seen.n_records


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_refused(database: Database, tmp_path: Path, name: str) -> None:
    at = context(database, tmp_path / "data")
    (tmp_path / name).write_bytes(REFUSED[name].encode())
    with pytest.raises((InputError, AnswerUnclear)) as on_page:
        import_form.preview(at, ImportOrder(file=str(tmp_path / name)))
    with pytest.raises((InputError, AnswerUnclear)) as in_terminal:
        by_terminal(tmp_path / name)
    assert str(in_terminal.value) == str(on_page.value)
