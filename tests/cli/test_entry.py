"""`thrice` and `python -m ptrapp`: which words start the app, and which run a command."""

import doctest
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_group

from ptrapp import __main__ as entry
from ptrapp.cli import commands
from ptrapp.core.errors import ConfigurationError
from ptrapp.core.settings import Settings, load_settings
from ptrapp.core.version import VERSION

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "line",
    [
        "jobs",
        "tpo --iterations 3",
        "--data-dir data jobs",
        "--data-dir=data --device cpu import file.jsonl",
        "--model jobs versions",
        "no-such-command",
    ],
)
def test_a_word_behind_the_options_of_the_process_is_a_command(line: str) -> None:
    assert entry.names_a_command(line.split())


@pytest.mark.parametrize(
    "line",
    [
        "",
        "--port 8000",
        "--no-worker",
        "--data-dir jobs",
        "--data-dir=jobs --port 8000",
        "--host 0.0.0.0 --open",
        "--model",
        "--help",
        "--version",
    ],
)
def test_flags_alone_start_the_app(line: str) -> None:
    assert not entry.names_a_command(line.split())


def test_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(entry) == (0, 1)


@pytest.mark.parametrize("start", [("app.py",), ("-m", "ptrapp")])
def test_both_ways_to_start_know_the_version_and_load_nothing_for_it(
    start: tuple[str, ...],
) -> None:
    command = [sys.executable, "-X", "importtime", *start, "--version"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert ended.stdout == f"thrice {VERSION}\n"
    imported = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
    assert "ptrapp" in imported
    assert not imported & {"gradio", "torch", "transformers", "typer"}


def test_the_options_before_a_command_are_those_of_the_process() -> None:
    known = {name for option in get_group(commands.app).params for name in option.opts}
    assert known == entry.BEFORE_A_COMMAND


def test_a_command_behind_a_flag_of_the_app_is_told_what_may_stand_there() -> None:
    with pytest.raises(ConfigurationError, match=r"jobs\. A command follows .* THRICE_PORT"):
        load_settings(["--port", "8000", "jobs"])
    with pytest.raises(ConfigurationError, match=r"--prot 3\. See --help$"):
        load_settings(["--prot", "3"])


def test_the_commands_are_listed_above_the_flags(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["thrice", "--help"])
    monkeypatch.setattr("ptrapp.app.main", lambda flags: 0)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(SystemExit):
        entry.main()
    output = capsys.readouterr().out
    assert "import-attempts" in output
    assert "tpo" in output


def test_help_says_what_a_flag_takes_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        load_settings(["--help"])
    output = capsys.readouterr().out
    for words in ("--port N ", "--visitor-role NAME ", "(default: admin)", "--data-dir FOLDER "):
        assert words in output
    for python in (
        "tuple[",
        "SecretStr",
        " str\n",
        "-dir Path",
        "ADMIN",
        "(default: )",
        "(default: ())",
    ):
        assert python not in output


@pytest.mark.parametrize(("flags", "status"), [(["--port", "8000"], 0), (["--port", "many"], 2)])
def test_the_app_gets_its_flags_and_its_status_is_the_commands(
    flags: list[str], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[list[str]] = []

    def start(flags: list[str]) -> int:
        given.append(flags)
        return status

    monkeypatch.setattr(sys, "argv", ["thrice", *flags])
    monkeypatch.setattr("ptrapp.app.main", start)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert given == [flags]
    assert ended.value.code == status


def test_a_terminal_that_knows_ascii_alone_gets_every_text(tmp_path: Path) -> None:
    ascii_only = os.environ | {
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONIOENCODING": "ascii",
    }
    for name, text in (("questions", "Größe → 2?"), ("süß", "Wie groß?")):
        (tmp_path / f"{name}.jsonl").write_text(f'{{"prompt": "{text}"}}\n', encoding="utf-8")
    command = [sys.executable, "-m", "ptrapp", "--data-dir", str(tmp_path / "data")]
    for words in (
        ["--help"],
        ["import", str(tmp_path / "questions.jsonl"), "--name", "gefragt-ä"],
        ["import", str(tmp_path / "süß.jsonl")],
    ):
        ended = subprocess.run(
            [*command, *words] if words[0] != "--help" else [*command[:3], *words],
            capture_output=True,
            cwd=ROOT,
            env=ascii_only,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr.decode()
    rows = sqlite3.connect(tmp_path / "data" / "thrice.db").execute(
        "SELECT text, source FROM prompts"
    )
    assert rows.fetchall() == [
        ("Größe → 2?", "import:gefragt-ä"),
        ("Wie groß?", "import:süß.jsonl"),
    ]


def test_every_flag_says_what_it_is() -> None:
    """Those that `Settings` inherits among them."""
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
