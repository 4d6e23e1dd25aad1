"""The command line that the Train page shows starts the job that its button starts."""

import shlex
from contextlib import nullcontext
from typing import Any

import pytest
from typer.testing import CliRunner

from db.models import JobKind
from ptrapp.cli import commands
from ptrapp.cli.values import read_values
from ptrapp.services.training.command import command

SETTINGS: list[tuple[JobKind, dict[str, Any], str]] = [
    (JobKind.DPO, {}, ""),
    (JobKind.DPO, {"beta": 0.2, "form": "ipo", "soft_labels": True, "epochs": 5}, "dpo-000001"),
    (JobKind.MASK_SFT, {"preset": "paper", "learning_rate": 0.001}, ""),
    (JobKind.TPO, {"k": 4, "thinking": False, "system": 'Say "it\'s 3"; be brief.'}, ""),
    (JobKind.PTR_DATA, {"final": "human", "refine_instruction": "7", "progressive": True}, ""),
    (JobKind.REWARD_MODEL, {"epochs": 2}, "base"),
    (
        JobKind.EVALUATE,
        {"versions": ["base", "demo"], "tasks": ["held_out"], "controls": False},
        "",
    ),
    (JobKind.JUDGE, {"campaign_id": 3, "judge": "llm"}, ""),
]


@pytest.mark.parametrize(("kind", "settings", "parent"), SETTINGS)
def test_the_command_queues_what_the_page_queues(
    monkeypatch: pytest.MonkeyPatch, kind: JobKind, settings: dict[str, Any], parent: str
) -> None:
    queued: list[Any] = []

    def run(_: Any, kind: JobKind, chosen: Any, more: Any, parent: str, *, wait: bool) -> None:
        queued.append((kind, chosen | read_values(more or []), parent))

    class Campaigns:
        @staticmethod
        def find_id(_: Any, given: str) -> int:
            return int(given)

    monkeypatch.setattr(commands, "_run", run)
    monkeypatch.setattr(commands, "campaigns", Campaigns)
    monkeypatch.setattr(commands, "open_context", lambda _: nullcontext())
    words = shlex.split(command(kind, settings, parent))
    assert words[:3] == ["python", "-m", "ptrapp"]
    done = CliRunner().invoke(commands.app, words[3:])
    assert done.exit_code == 0, done.output
    usual = {JobKind.REWARD_MODEL: "base", JobKind.JUDGE: "base"}.get(kind, "")
    assert queued == [(kind, settings, parent or usual)]
