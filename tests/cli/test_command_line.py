"""The command line over a real database; one command trains for real, in a worker of its own."""

import inspect
import json
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from fresh_database import fresh_database
from typer.testing import CliRunner

from db.labelling import campaigns
from db.models import Job, JobKind
from db.storage.errors import DatabaseError
from ptrapp.cli import commands
from ptrapp.cli.context import open_context
from ptrapp.cli.values import read_values
from ptrapp.core.errors import InputError, ThriceError
from ptrapp.core.settings import load_settings
from ptrapp.recipes.evaluation import EvaluateConfig
from ptrapp.recipes.judging import JudgeConfig
from ptrapp.recipes.mask_sft import MaskSftConfig
from ptrapp.recipes.preferences import DpoConfig
from ptrapp.recipes.ptr_data import PtrDataConfig
from ptrapp.recipes.tpo import TpoConfig
from ptrapp.services.data_folder import alone

ROOT = Path(__file__).resolve().parents[2]
OF_NO_RECIPE = {"ctx", "parent", "no_wait", "more", "campaign"}
"""`judge` has the campaign's number among its settings, and takes its name as well."""


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(commands.app, list(arguments))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def queued(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(row) for row in run("--data-dir", str(folder), "jobs").output.splitlines()]


@pytest.mark.parametrize(
    ("command", "config"),
    [
        (commands.dpo, DpoConfig),
        (commands.mask_sft, MaskSftConfig),
        (commands.tpo, TpoConfig),
        (commands.ptr_data, PtrDataConfig),
        (commands.evaluate, EvaluateConfig),
        (commands.judge_campaign, JudgeConfig),
    ],
)
def test_every_option_is_a_setting_of_the_recipe(command: Any, config: Any) -> None:
    options = set(inspect.signature(command).parameters) - OF_NO_RECIPE
    assert options <= {field.name for field in fields(config)}


def test_a_job_is_queued_with_the_given_settings_and_nothing_else(tmp_path: Path) -> None:
    result = run(
        "--data-dir", str(tmp_path), "evaluate", "--no-wait", "--rounds", "2", "--tasks",
        "generated", "--tasks", "held_out", "--set", "temperature=0.5", "--set", "thinking=later",
    )  # fmt: skip
    assert json.loads(result.output) == {"job": 1}
    (job,) = queued(tmp_path)
    assert (job["kind"], job["status"], job["parent"]) == (JobKind.EVALUATE, "queued", "base")


def test_settings_are_read_as_what_they_are() -> None:
    values = read_values(["a-b=3", "b=0.5", "c=true", "d=null", "e=ipo", 'f=["base"]', "g=x=y"])
    assert values == {
        "a_b": 3, "b": 0.5, "c": True, "d": None, "e": "ipo", "f": ["base"], "g": "x=y",
    }  # fmt: skip
    for wrong in ("epochs", "=3"):
        with pytest.raises(InputError, match="name=value"):
            read_values([wrong])


@pytest.mark.parametrize("named", ["1", "July, first half"])
def test_a_judge_is_sent_to_a_campaign_by_its_name_or_number(tmp_path: Path, named: str) -> None:
    here = ("--data-dir", str(tmp_path))
    with (
        open_context({"data_dir": tmp_path}, new=True) as context,
        context.database.write() as session,
    ):
        campaigns.create(session, "July, first half")

    result = run(*here, "judge", named, "--judge", "verifier", "--no-wait", "--set", "chunk=8")

    assert json.loads(result.output) == {"job": 1}
    with (
        open_context({"data_dir": tmp_path}, new=True) as context,
        context.database.read() as session,
    ):
        job = session.get_one(Job, 1)
    assert job.kind is JobKind.JUDGE
    assert job.payload["settings"] == {"campaign_id": 1, "judge": "verifier", "chunk": 8}


def test_a_cancelled_job_can_be_queued_again(tmp_path: Path) -> None:
    here = ("--data-dir", str(tmp_path))
    run(*here, "tpo", "--no-wait")
    for words, status in ((("cancel",), "cancelled"), (("resume", "--no-wait"), "queued")):
        told = json.loads(run(*here, *words, "1").stdout)
        assert told == {"job": 1, "status": status}
        assert queued(tmp_path)[0]["status"] == status


def test_a_file_of_attempts_is_imported_whole_or_with_its_bad_rows_named(tmp_path: Path) -> None:
    here, file = ("--data-dir", str(tmp_path)), tmp_path / "attempts.json"
    good = {"question": "What is 2 + 2?", "output1": "It is five.", "output2": "It is four."}
    file.write_text(json.dumps([good, good | {"question": " "}]), encoding="utf-8")
    with pytest.raises(InputError, match=r"attempts\.json"):
        run(*here, "import-attempts", str(file))
    result = run(*here, "import-attempts", str(file), "--skip-bad")
    assert json.loads(result.stdout) == {"new": 1, "known": 0, "skipped": 1}
    assert "row 2" in result.stderr.lower()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("dpo",), "There is no new preference"),
        (("mask-sft",), "No correct refined round"),
        (("tpo", "--parent", "tpo-000009"), "There is no version tpo-000009"),
        (("cancel", "7"), "There is no job 7"),
        (("judge", "July"), "There is no campaign 'July'"),
        (("evaluate", "--set", "judge=lmm"), "'lmm' names no judge. Choose verifier, llm"),
        (("tpo", "--set", "judge=rules:json"), "names no judge"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    fresh_database(tmp_path).dispose()
    with pytest.raises((ThriceError, DatabaseError), match=words):
        run("--data-dir", str(tmp_path), *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("jobs",), ("versions",), ("imports",), ("cancel", "1"), ("resume", "1"),
        ("undo-import", "1"), ("judge", "July"), ("dpo",), ("mask-sft",), ("reward-model",),
        ("backup",), ("check",), ("admin-link",), ("export", "--to", "votes.jsonl"),
        ("evaluate", "--versions", "base", "--versions", "v1"), ("tpo", "--parent", "v1"),
    ],
)  # fmt: skip
def test_a_mistyped_folder_is_no_new_one(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with pytest.raises(DatabaseError, match=r"nothing of Thrice at .*mistyped"):
        run("--data-dir", str(tmp_path / "mistyped"), *arguments)
    assert not list(tmp_path.iterdir())


def test_the_link_for_an_admin_is_of_the_app_that_has_the_folder(tmp_path: Path) -> None:
    fresh_database(tmp_path).dispose()
    with alone(load_settings(data_dir=tmp_path, port=8300, root_path="/thrice")):
        link = run("--data-dir", str(tmp_path), "admin-link").output
    assert link.startswith("http://127.0.0.1:8300/thrice/join?token=")


def test_a_backup_goes_where_the_app_has_its_own(tmp_path: Path) -> None:
    fresh_database(tmp_path / "data").dispose()
    folders = ("--data-dir", str(tmp_path / "data"), "--backup-dir", str(tmp_path / "elsewhere"))
    run(*folders, "backup")
    assert list((tmp_path / "elsewhere").glob("thrice-*"))


def test_a_folder_is_called_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh_database(tmp_path).dispose()
    monkeypatch.chdir(tmp_path)
    for arguments in (("import", "."), ("export", "--to", ".")):
        with pytest.raises(InputError, match=r"^\. "):
            run("--data-dir", str(tmp_path), *arguments)


def test_a_mistake_in_the_settings_ends_with_status_2(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ptrapp", "--data-dir", str(tmp_path), "--device", "tpu"]
    ended = subprocess.run([*command, "jobs"], capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 2
    assert "Input should be 'auto', 'cpu', 'cuda', 'mps' or 'xpu'" in ended.stderr


@pytest.mark.worker
def test_a_job_runs_to_its_end_and_its_version_is_named(tmp_path: Path) -> None:
    file = tmp_path / "attempts.json"
    rows = [
        {
            "question": f"What is {n} + 1?",
            "output1": "The answer is 0.",
            "output2": f"It is {n + 1}.",
        }
        for n in range(8)
    ]
    file.write_text(json.dumps(rows), encoding="utf-8")
    run("--data-dir", str(tmp_path), "import-attempts", str(file))
    command = [sys.executable, "-m", "ptrapp", "--data-dir", str(tmp_path), "mask-sft"]
    ended = subprocess.run(
        [*command, "--epochs", "1"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["made"] == "mask_sft-000001"
    (job,) = queued(tmp_path)
    assert (job["status"], job["made"]) == ("done", "mask_sft-000001")
