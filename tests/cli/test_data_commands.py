"""`import` and `export` from a terminal, over a real database."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ptrapp.cli import commands
from ptrapp.core.errors import InputError

PAIR = {"prompt": "Why?", "chosen": "Because.", "rejected": "No idea."}


def run(folder: Path, *arguments: str) -> Any:
    result = CliRunner().invoke(commands.app, ["--data-dir", str(folder / "data"), *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def file_of(folder: Path, *rows: Any) -> str:
    (folder / "pairs.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
    )
    return str(folder / "pairs.jsonl")


def test_a_file_is_imported_once_and_exported_under_its_hash(tmp_path: Path) -> None:
    result = run(tmp_path, "import", file_of(tmp_path, PAIR), "--name", "mine")
    assert json.loads(result.stdout) == {
        "import": 1, "name": "mine", "format": "preferences", "new": 1, "known": 0, "skipped": 0,
        "added": {"prompts": 1, "runs": 1, "rounds": 2, "comparisons": 1, "votes": 1},
        "said": [], "used": ["chosen", "rejected", "prompt"], "unused": [], "left_out": {},
    }  # fmt: skip
    assert (
        json.loads(run(tmp_path, "import", file_of(tmp_path, PAIR), "--name", "mine").stdout)[
            "known"
        ]
        == 1
    )

    to = tmp_path / "out.jsonl"
    manifest = json.loads(run(tmp_path, "export", "--to", str(to)).stdout)
    assert manifest["sha256"] == sha256(to.read_bytes()).hexdigest()
    again = ("export", "--to", str(to), "--up-to", "1", "--kind", "dataset")
    assert json.loads(run(tmp_path, *again, "--expect", manifest["sha256"]).stdout)["n_rows"] == 1
    with pytest.raises(InputError, match="another one than was expected"):
        run(tmp_path, *again, "--expect", "0" * 64)


def test_bad_rows_are_named_and_skipped_when_asked(tmp_path: Path) -> None:
    path = file_of(tmp_path, PAIR, {"prompt": "a"})
    with pytest.raises(InputError, match="line 2: no 'chosen'"):
        run(tmp_path, "import", path)
    result = run(tmp_path, "import", path, "--skip-bad")
    assert "Skipped: line 2: no 'chosen'" in result.stderr
    assert json.loads(result.stdout)["skipped"] == 1


def test_the_format_can_be_given(tmp_path: Path) -> None:
    row = {"prompt": "Why?", "completion": "x", "label": True}
    result = run(tmp_path, "import", file_of(tmp_path, row), "--format", "prompts")
    assert json.loads(result.stdout)["added"] == {"prompts": 1}


def test_where_to_export_is_given_once(tmp_path: Path) -> None:
    for arguments in ((), ("--to", "a.jsonl", "--push", "a/b")):
        with pytest.raises(InputError, match="Say where to"):
            run(tmp_path, "export", *arguments)


def test_a_dry_run_shows_what_was_understood_and_stores_nothing(tmp_path: Path) -> None:
    row = {"prompt": "Why?", "response_0": "x", "response_1": "y", "better": 1, "safer": 0}
    path = file_of(tmp_path, row)
    with pytest.raises(InputError, match=r"both better and safer .* --answer-column NAME"):
        run(tmp_path, "import", path, "--dry-run")
    shown = json.loads(
        run(tmp_path, "import", path, "--dry-run", "--answer-column", "better").stdout
    )
    assert (shown["format"], shown["n_rows"], shown["outcomes"]) == ("comparisons", 1, {"right": 1})
    assert (shown["used"], shown["unused"]) == (
        ["prompt", "response_0", "response_1", "better"],
        ["safer"],
    )
    assert shown["samples"] == [
        {
            "system": "",
            "earlier": "",
            "prompt": "Why?",
            "left": "x",
            "right": "y",
            "outcome": "right",
        }
    ]
    assert not (tmp_path / "data").exists()
    done = json.loads(run(tmp_path, "import", path, "--answer-column", "safer").stdout)
    assert (done["added"]["votes"], done["unused"]) == (1, ["better"])


def test_a_dry_run_names_bad_rows(tmp_path: Path) -> None:
    shown = json.loads(
        run(tmp_path, "import", file_of(tmp_path, PAIR, {"prompt": "a"}), "--dry-run").stdout
    )
    assert (shown["n_bad"], shown["mistakes"]) == (1, ["line 2: no 'chosen' (it has prompt)"])
