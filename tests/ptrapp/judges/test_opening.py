"""The judge of the settings: found by its name, or refused with the names there are."""

import subprocess
import sys
from pathlib import Path

import pytest

from ptrapp.core.errors import ConfigurationError, EngineUnavailable, JudgeError, ModelUnusable
from ptrapp.core.settings import Settings
from ptrapp.core.types import Choice
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.judges.base import BatchJudge, Pair, PointwiseJudge
from ptrapp.judges.llm import LazyJudge
from ptrapp.judges.opening import close_judge, find_reward_model, open_judge
from ptrapp.judges.verifier import Verifier

NOBODY = "http://127.0.0.1:9/v1"
"""An address where nothing listens."""


def settings(tmp_path: Path, judge: str, **more: str) -> Settings:
    return Settings(data_dir=tmp_path, judge=judge, device="cpu", **more)  # type: ignore[arg-type]


def test_the_verifier_is_the_default_and_gives_numbers(tmp_path: Path) -> None:
    judge = open_judge(Settings(data_dir=tmp_path))

    assert isinstance(judge, Verifier)
    assert isinstance(judge, PointwiseJudge)


def test_a_server_that_is_down_starts_nothing_and_leaves_comparisons_unscored(
    tmp_path: Path,
) -> None:
    judge = open_judge(settings(tmp_path, "llm", judge_base_url=NOBODY, judge_model="great"))

    assert judge.name == "llm:great"
    assert isinstance(judge, BatchJudge)
    (verdict,) = judge.compare_many([Pair("q", None, "a", "b")])
    assert isinstance(verdict, JudgeError)
    down = r"The judge gave no verdict: .*127\.0\.0\.1:9.* correct --judge-base-url"
    with pytest.raises(JudgeError, match=down):
        judge.compare("q", None, "a", "b")
    close_judge(judge)


def test_a_server_that_comes_back_is_asked_again() -> None:
    engine, down = ScriptedEngine(lambda _: "[[C]]"), [True]

    def open_engine() -> ScriptedEngine:
        if down.pop() if down else False:
            raise EngineUnavailable("It is starting.")
        return engine

    judge = LazyJudge(open_engine, "llm")
    with pytest.raises(JudgeError, match="It is starting"):
        judge.compare("q", None, "a", "b")

    assert judge.compare("q", None, "a", "b").outcome is Choice.TIE
    close_judge(judge)
    with pytest.raises(JudgeError, match="closed"):
        judge.compare("q", None, "a", "b")


def test_an_engine_may_stand_in_for_the_server(tmp_path: Path) -> None:
    named = settings(tmp_path, "llm", judge_base_url=NOBODY)
    judge = open_judge(named, engine=ScriptedEngine(lambda _: "[[C]]"))

    assert judge.name == "llm:scripted"
    assert judge.compare("q", None, "a", "b").agreed


def test_a_reward_model_is_found_by_name_by_folder_and_by_hub_id(tmp_path: Path) -> None:
    trained = tmp_path / "judges" / "reward-000001"
    elsewhere = tmp_path / "elsewhere"
    for folder in (trained, elsewhere):
        folder.mkdir(parents=True)
    chosen = settings(tmp_path, "verifier")

    assert find_reward_model(chosen, "reward-000001") == str(trained)
    assert find_reward_model(chosen, str(elsewhere)) == str(elsewhere)
    assert find_reward_model(chosen, "owner/name") == "owner/name"


@pytest.mark.parametrize("name", ["reward-000009", "verifer", "../outside", ""])
def test_a_name_that_means_nothing_is_refused_with_those_there_are(
    tmp_path: Path, name: str
) -> None:
    trained = tmp_path / "judges" / "reward-000001"
    trained.mkdir(parents=True)
    (trained / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="reward-000001"):
        open_judge(settings(tmp_path, name))


@pytest.mark.parametrize(
    "chosen", ["", "judge='llm', judge_base_url='http://127.0.0.1:9/v1'"], ids=["verifier", "llm"]
)
def test_what_was_not_chosen_is_not_loaded(chosen: str) -> None:
    script = (
        "import sys\nfrom ptrapp.core.settings import Settings\n"
        "from ptrapp.judges.opening import open_judge\n"
        f"open_judge(Settings({chosen}))\n"
        "print([name for name in ('torch', 'transformers', 'openai') if name in sys.modules])"
    )
    root = Path(__file__).resolve().parents[3]
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, timeout=120
    )
    assert result.stdout.strip() == "[]", result.stderr


def test_a_folder_that_holds_no_reward_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable, match="cannot be loaded as a reward model"):
        open_judge(settings(tmp_path, str(tmp_path)))
