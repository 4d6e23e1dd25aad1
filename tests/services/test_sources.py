"""A request names what is stored here, what the hub has and what the operator listed; no path."""

import dataclasses
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from db.models import JobKind
from ptrapp.core.errors import InputError
from ptrapp.core.hub import from_hub
from ptrapp.core.names import is_path
from ptrapp.core.settings import Settings, load_settings
from ptrapp.judges.opening import find_reward_model
from ptrapp.recipes.evaluation import EvaluateConfig
from ptrapp.recipes.judging import JudgeConfig
from ptrapp.recipes.mask_sft import MaskSftConfig
from ptrapp.recipes.preferences import PreferenceConfig
from ptrapp.recipes.ptr_data import PtrDataConfig
from ptrapp.recipes.reward_model import RewardConfig
from ptrapp.recipes.tpo import TpoConfig
from ptrapp.services import jobs, sources
from ptrapp.tasks import hub

CONFIGS = (
    PreferenceConfig, MaskSftConfig, TpoConfig, PtrDataConfig, EvaluateConfig, JudgeConfig,
    RewardConfig,
)  # fmt: skip
TEXTS = {
    "attempts", "final", "versions", "question_column", "answer_column", "choices_column",
    "refine_instruction", "system",
}  # fmt: skip
"""Settings that are text and name nothing to open: versions by name, columns, an instruction."""
PATHS = [
    "/etc", "/etc/ssl", "./data", "../up", "..", "~", "~/taxes", "file:///etc/passwd", r"C:\x",
    "hf:/etc", "hf:./a", "hf:../a", "hf:~/a", "hf:a/../../b", "hf:a/b/c", "hf:a:b/c", "a/b/../..",
]  # fmt: skip


def test_every_setting_that_is_a_text_is_checked_or_known_to_open_nothing() -> None:
    known = {*sources.DATA, *sources.MODELS, *TEXTS}
    for config in CONFIGS:
        hints = get_type_hints(config)
        for field in dataclasses.fields(config):
            kind = str(hints[field.name])
            if "str" in kind and "StrEnum" not in kind:
                assert field.name in known, f"{config.__name__}.{field.name} is not classified"


@pytest.mark.parametrize("name", [*sources.DATA, *sources.MODELS])
@pytest.mark.parametrize("path", PATHS)
def test_no_setting_takes_a_path_from_a_request(name: str, path: str, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with pytest.raises(InputError, match="--allow-source"):
        sources.check(settings, {name: path})
    with pytest.raises(InputError, match="--allow-source"):
        sources.check(settings, {name: ["generated", path]})
    sources.check(settings.model_copy(update={"allow_source": (path,)}), {name: path})


@pytest.mark.parametrize(
    "recipe",
    [
        {"queries": "generated"}, {"prompts": "stored"}, {"tasks": ["held_out", "hf:openai/gsm8k"]},
        {"queries": "hf:openai/gsm8k:main:test"}, {"base": "owner/name"}, {"judge": "verifier"},
        {"judge": "reward-000001"}, {"embedding_model": ""},
    ],
)  # fmt: skip
def test_what_is_stored_and_what_the_hub_has_may_be_named(
    recipe: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "judges" / "reward-000001").mkdir(parents=True)
    sources.check(Settings(data_dir=tmp_path), recipe)


def test_jobs_are_checked_unless_the_operator_starts_them(world: Any) -> None:
    for kind in JobKind:
        with pytest.raises(InputError, match="--allow-source"):
            jobs.start(world.context, kind, {"judge": "/etc/ssl"}, parent="base")
    with pytest.raises(InputError, match="--allow-source"):
        jobs.start_judging(world.context, 1, "/etc/ssl")
    recipe = {"queries": "./questions.jsonl"}
    assert jobs.start(world.context, JobKind.PTR_DATA, recipe, parent="base", by_operator=True)


@pytest.mark.parametrize(
    ("recipe", "others"),
    [
        ({"queries": "held_out"}, "it is auto, generated, instructions or a data set of the hub"),
        ({"queries": "stored"}, "it is auto, generated, instructions or"),
        ({"prompts": "instructions_held_out"}, "auto, generated, instructions, stored or a data"),
        ({"tasks": ["stored"]}, "it is auto, generated, held_out, instructions, instructions_held"),
    ],
)
def test_a_source_that_another_setting_takes_is_refused_with_those_it_takes(
    recipe: dict[str, Any], others: str, tmp_path: Path
) -> None:
    """Each was taken for a file of that name when the job's turn came."""
    with pytest.raises(InputError, match=others):
        sources.check(Settings(data_dir=tmp_path), recipe)


def test_a_file_named_in_a_terminal_is_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker of a running app reads it, which was started in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "asked.jsonl").touch()
    (tmp_path / "judge").mkdir()
    asked = str(tmp_path / "asked.jsonl")
    given = {
        "tasks": ["generated", "asked.jsonl", "ifeval:asked.jsonl", "hf:a/b"],
        "queries": "asked.jsonl", "exclude": "", "judge": "./judge", "base": "judge", "n": 3,
    }  # fmt: skip
    assert sources.from_here(Settings(), given) == {
        "tasks": ["generated", asked, f"ifeval:{asked}", "hf:a/b"],
        "queries": asked, "exclude": "", "judge": str(tmp_path / "judge"), "base": "judge", "n": 3,
    }  # fmt: skip
    there = {"prompts": "/srv/another-machine/asked.jsonl"}
    assert sources.from_here(Settings(), there) == there


def test_questions_that_are_nowhere_are_refused_in_the_terminal() -> None:
    with pytest.raises(InputError, match=r"tasks 'ifeval:none': there is no file 'none' in"):
        sources.from_here(Settings(), {"tasks": ["ifeval:none"]})
    with pytest.raises(InputError, match=r"queries 'held_out' is no file in .* and none of these"):
        sources.from_here(Settings(), {"queries": "held_out"})


def test_a_local_folder_called_like_a_name_of_the_hub_stays_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "Documents" / "taxes"
    folder.mkdir(parents=True)
    (folder / "rows.jsonl").write_text('{"question": "secret?", "answer": "1"}', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    asked: list[tuple[str, str]] = []

    def snapshot(name: str, repo_type: str) -> str:
        asked.append((name, repo_type))
        raise OSError("the hub is out of reach")

    monkeypatch.setattr("ptrapp.core.hub.snapshot_download", snapshot)
    with pytest.raises(InputError, match="out of reach"):
        hub.read_hub("hf:Documents/taxes")
    with pytest.raises(OSError, match="out of reach"):
        find_reward_model(Settings(data_dir=tmp_path), "Documents/taxes")
    assert asked == [("Documents/taxes", "dataset"), ("Documents/taxes", "model")]
    assert from_hub("owner/elsewhere") == "owner/elsewhere"


def test_sources_are_listed_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = load_settings(["--allow-source", "/srv/questions.jsonl", "--allow-source", "./judge"])
    assert chosen.allow_source == ("/srv/questions.jsonl", "./judge")
    for name, value in chosen.as_environment().items():
        monkeypatch.setenv(name, value)
    assert load_settings().allow_source == chosen.allow_source


@pytest.mark.parametrize("name", ["a/b", "gsm8k", "owner/na.me", "stored"])
def test_a_name_is_no_path(name: str) -> None:
    assert not is_path(name)
