"""Commands in the documents are commands: their names, their options, the routes and formats."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from documents import DOCUMENTS, ROOT, blocks, quoted, section, table, text_of
from typer.testing import CliRunner

from db.storage.session import Database, open_database
from ptrapp.api.routes import build_router
from ptrapp.cli.commands import app
from ptrapp.core.people import Role
from ptrapp.core.settings import Settings
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.interchange import questions, votes, writing
from ptrapp.interchange.formats import Format
from ptrapp.services.context import AppContext
from ptrapp.services.files.exporting import What
from ptrapp.services.labelling.candidates import SourceKind

COMMANDS: Any = typer.main.get_command(app)
FLAGS = {f"--{name.replace('_', '-')}" for name in Settings.model_fields}
FLAGS |= {"--no-worker", "--no-auto-activate", "--help", "--version"}


def said_in_documents() -> list[str]:
    """Every command line of the documents, continued lines joined, comments left out."""
    lines = []
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        code = "\n".join(blocks(text)).replace("\\\n", " ")
        for line in [*code.splitlines(), *quoted(text)]:
            lines += [part.strip() for part in re.split(r"&&|;(?! f)", re.sub(r"\s#.*", "", line))]
    return [line for line in lines if line]


LINES = said_in_documents()


def calls_of(*programs: str) -> list[list[str]]:
    """The words after each call of a program."""
    pattern = re.compile(rf"^(?:\w+=\S+ )*(?:{'|'.join(map(re.escape, programs))})(?: (.*))?$")
    found = [pattern.match(line) for line in LINES]
    return [shlex.split(match[1] or "") for match in found if match]


def test_every_command_and_option_of_thrice_is_one() -> None:
    calls = calls_of("thrice", "python -m ptrapp", "python app.py")
    named = [words for words in calls if words and words[0] in COMMANDS.commands]
    started = [words for words in calls if not words or words[0] not in COMMANDS.commands]

    assert len({words[0] for words in named}) > 10
    for name, *words in named:
        known = {option for one in COMMANDS.commands[name].params for option in one.opts}
        known |= {option for one in COMMANDS.commands[name].params for option in one.secondary_opts}
        assert {word for word in words if word.startswith("--")} <= known, name
    for words in started:
        assert not words or words[0].startswith("-") or words[0] == "…", f"thrice {words}"
        assert {word for word in words if word.startswith("--")} <= FLAGS


def test_every_command_is_in_the_documents() -> None:
    said = {words[0] for words in calls_of("thrice") if words}
    assert COMMANDS.commands.keys() <= said


def test_the_options_before_a_command_are_named() -> None:
    text = section(text_of("docs/methods.md"), "## From a terminal")
    known = {option for one in COMMANDS.params for option in one.opts} - {"--help"}
    assert {option for option in known if f"`{option}`" not in text} == set()


def test_the_options_of_an_export_are_described() -> None:
    rows = table(section(text_of("docs/data-formats.md"), "## Exports"), "option", "meaning")
    described = {option for names, _ in rows for option in re.findall(r"--[\w-]+", names)}
    export = COMMANDS.commands["export"].params
    known = {option for one in export for option in one.opts} - {"--help"}
    assert described | {"--to", "--what"} == known


def test_every_benchmark_and_its_options_exist() -> None:
    calls = [line for line in LINES if line.startswith("python -m bench.") and "NAME" not in line]
    assert len({call.split()[2] for call in calls}) > 4
    for call in calls:
        _, _, module, *words = shlex.split(call)
        whole = ROOT.joinpath(*module.split("."))
        file = whole / "__main__.py" if whole.is_dir() else whole.with_suffix(".py")
        source = file.read_text(encoding="utf-8")
        for word in words:
            assert not word.startswith("--") or f'"{word}"' in source, call


def test_every_target_of_make_exists() -> None:
    targets = {words[0] for words in calls_of("make") if words}
    known = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    assert {"run", "test", "quick", "lock", "vllm"} <= targets
    assert targets <= known


def test_every_mark_of_the_tests_is_described() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))["tool"]["pytest"]["ini_options"]
    known = {mark.partition(":")[0] for mark in project["markers"]}
    assert {row[0].strip("`") for row in table(text_of("CONTRIBUTING.md"), "mark")} == known


def test_the_table_of_routes_is_the_api(database: Database, tmp_path: Path) -> None:
    context = AppContext(Settings(data_dir=tmp_path), database, ScriptedEngine(lambda _: ""))
    router = build_router(context)
    known = {
        f"{method} {route.path.removeprefix('/api/v1')}"
        for route in router.routes
        for method in route.methods
        if route.include_in_schema
    }
    rows = table(section(text_of("docs/scripting.md"), "## Routes"), "routes")
    assert {said for routes, _ in rows for said in re.findall(r"`([^`]+)`", routes)} == known


def test_formats_sources_and_exports_are_described() -> None:
    text = text_of("docs/data-formats.md")
    formats = {row[0] for row in table(text, "`--format`")} - {""}
    exports = table(text, "`--what`")
    sources = {row[0] for row in table(text_of("docs/labelling.md"), "source", "pairs")}

    assert formats == {f"`{one.value}`" for one in Format}
    assert {row[0] for row in exports} == {f"`{one.value}`" for one in What}
    assert sources == {f"`{one.value}`" for one in SourceKind}
    columns = {row[0].strip("`"): set(re.findall(r"`(\w+)`", row[2])) for row in exports}
    for name, schema in writing.SCHEMAS.items():
        assert columns[name] - {"loss"} == set(schema.names), name
    assert all(f"`{column}`" in section(text, "## Our own votes") for column in votes.COLUMNS)
    assert all(f"`{column}`" in text for column in questions.COLUMNS + questions.ATTEMPT_COLUMNS)


@pytest.mark.parametrize("role", Role)
def test_every_role_is_described(role: Role) -> None:
    rows = table(section(text_of("docs/labelling.md"), "## People"), "role", "may")
    assert f"`{role.value}`" in {row[0] for row in rows}


def test_the_backup_that_is_told_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    open_database("sqlite:///data/thrice.db").dispose()
    told = {" ".join(words) for words in calls_of("thrice") if words}
    assert {"backup", "restore data/backups/NAME", "check data/backups/NAME"} <= told
    invoke = CliRunner().invoke
    assert invoke(app, ["backup"]).exit_code == 0
    (made,) = Path("data/backups").iterdir()
    assert invoke(app, ["check", str(made)]).exit_code == 0
    for file in Path("data").glob("thrice.db*"):
        file.unlink()
    assert invoke(app, ["restore", str(made)]).exit_code == 0
    assert (tmp_path / "data" / "thrice.db").is_file()
