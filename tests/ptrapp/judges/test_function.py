"""A function of one's own: its scores count, and whatever else it does is no vote."""

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ptrapp.core.errors import ConfigurationError, InputError, JudgeError
from ptrapp.core.settings import Settings
from ptrapp.core.types import Choice
from ptrapp.judges.base import ScoreBasedJudge
from ptrapp.judges.function import FunctionJudge, function_judge
from ptrapp.judges.opening import close_judge, open_judge
from ptrapp.preferences.scoring import score_candidates
from ptrapp.services import sources

FUNCTIONS = """
import os, sys, time

def words(prompts, completions, **columns):
    print("this is no answer")
    os.system("echo nor is this")
    assert len(prompts) == len(completions) == len(columns["reference_answer"])
    return [len(text.split()) for text in completions]

def shy(prompts, completions, **columns):
    return [None if "secret" in text else 1.0 for text in completions]

def raises(prompts, completions, **columns):
    raise ValueError("no idea")

def leaves(prompts, completions, **columns):
    sys.exit(3)

def dies(prompts, completions, **columns):
    os._exit(7)

def sleeps(prompts, completions, **columns):
    time.sleep(600)

def short(prompts, completions, **columns):
    return [1.0]

def note(n):
    with open("calls", "a") as calls:
        print(n, file=calls)

def counted(prompts, completions, **columns):
    note(len(completions))
    return shy(prompts, completions)

def short_counted(prompts, completions, **columns):
    note(len(completions))
    return [1.0]

def nan(prompts, completions, **columns):
    return [float("nan")] * len(completions)

def text(prompts, completions, **columns):
    return ["good"] * len(completions)

def nothing(prompts, completions, **columns):
    return None

number = 5
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own_judges.py").write_text(FUNCTIONS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def judges(folder: Path) -> Iterator["Judges"]:
    opened = Judges()
    yield opened
    for judge in opened.all:
        judge.close()


class Judges:
    def __init__(self) -> None:
        self.all: list[FunctionJudge] = []

    def __call__(self, function: str, *, limit_s: float = 60.0) -> FunctionJudge:
        judge = function_judge(f"python:own_judges:{function}", function, limit_s=limit_s)
        self.all.append(judge)
        return judge


def test_its_scores_decide_and_it_sees_responses_alone(judges: Judges) -> None:
    judge = judges("words")
    assert isinstance(judge, ScoreBasedJudge)
    assert judge.score("q", None, ["one two", "<T> a b c d<R> one"]) == [2.0, 1.0]
    assert judge.compare("q", "12", "one two", "one").outcome is Choice.LEFT
    assert judge.compare("q", "12", "one", "one two").outcome is Choice.RIGHT
    assert judge.compare("q", "12", "one", "two").outcome is Choice.TIE


def test_one_process_answers_all_calls(judges: Judges) -> None:
    judge = judges("words")
    judge.score("q", None, ["a"])
    process = judge._process
    judge.score("q", None, ["a"])
    assert judge._process is process


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("raises", "ValueError: no idea"),
        ("leaves", "SystemExit: 3"),
        ("dies", "ended with status 7"),
        ("short", "1 scores for 2 responses"),
        ("nan", "nan, which is no score"),
        ("text", "ValueError: could not convert"),
        ("nothing", "TypeError"),
        ("number", "no function"),
        ("missing", "AttributeError"),
    ],
)
def test_what_is_no_score_is_unscored_with_its_reason(
    judges: Judges, function: str, reason: str
) -> None:
    judge = judges(function)
    with pytest.raises(JudgeError, match=reason):
        judge.compare("q", None, "one", "two")
    found = score_candidates(judge, "q", None, ["one", "two"])
    assert found.values == (None, None)
    assert len(found.errors) == 2


def test_an_unscored_response_does_not_take_the_others_with_it(judges: Judges) -> None:
    found = score_candidates(judges("shy"), "q", None, ["one", "a secret", "two"])
    assert found.values == (1.0, None, 1.0)
    assert "gave no score" in str(found.errors[0])


def test_what_failed_is_not_asked_for_one_by_one(judges: Judges, folder: Path) -> None:
    for function in ("counted", "short_counted"):
        score_candidates(judges(function), "q", None, ["one", "a secret", "two"])
    assert (folder / "calls").read_text(encoding="utf-8").split() == ["3", "3"]


def test_a_module_of_the_folder_is_found_where_python_leaves_the_folder_out(
    judges: Judges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONSAFEPATH", "1")  # as in a worker
    monkeypatch.setattr(sys, "path", [part for part in sys.path if part])
    assert judges("words").score("q", None, ["one two"]) == [2.0]


def test_the_traceback_of_an_error_is_in_the_log_once(
    judges: Judges, capfd: pytest.CaptureFixture[str]
) -> None:
    judge = judges("raises")
    for _ in range(3):
        with pytest.raises(JudgeError):
            judge.score("q", None, ["one"])
    judge.close()
    assert capfd.readouterr().err.count('raise ValueError("no idea")') == 1


def test_a_function_that_takes_too_long_is_ended_and_the_next_call_starts_another(
    judges: Judges,
) -> None:
    judge = judges("sleeps", limit_s=0.1)
    with pytest.raises(JudgeError, match=r"within 0\.1 s"):
        judge.score("q", None, ["one"])
    assert judge._process is None
    with pytest.raises(JudgeError, match=r"within 0\.1 s"):
        judge.score("q", None, ["one"])


def test_closing_ends_a_call_that_waits(judges: Judges) -> None:
    judge = judges("sleeps")
    caught: list[JudgeError] = []

    def ask() -> None:
        try:
            judge.score("q", None, ["one"])
        except JudgeError as error:
            caught.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    while (process := judge._process) is None:
        time.sleep(0.01)
    judge.close()
    asking.join(30)
    assert not asking.is_alive()
    assert process.poll() is not None
    assert caught
    with pytest.raises(JudgeError, match="closed"):
        judge.score("q", None, ["one"])


def test_the_process_ends_with_its_input_even_while_the_function_runs(judges: Judges) -> None:
    judge = judges("sleeps", limit_s=0.1)
    process = judge._started()
    assert process.stdin is not None
    call = '{"prompts": [], "completions": [], "reference_answer": []}\n'
    process.stdin.write(call)
    process.stdin.close()
    assert process.wait(30) == 0


@pytest.mark.parametrize(
    ("rule", "better", "worse"),
    [
        ("rule:length:2-3", "one two", "one two three four"),
        ("rule:regex:^Dear", "Dear you,", "Hello Dear"),
        ("rule:is_json", '{"a": 1}', "{a: 1}"),
    ],
)
def test_ready_made_rules(folder: Path, rule: str, better: str, worse: str) -> None:
    judge = open_judge(Settings(data_dir=folder, judge=rule))
    try:
        assert judge.name == rule
        assert judge.compare("q", None, worse, better).outcome is Choice.RIGHT
    finally:
        close_judge(judge)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("rule:length", "write rule:length:ARGUMENT"),
        ("rule:length:9", "no range of words"),
        ("rule:length:60-20", "no range of words"),
        ("rule:regex:(", "no regular expression"),
        ("rule:poem", "choose length, regex, is_json"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_before_it_is_asked(
    tmp_path: Path, rule: str, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        open_judge(Settings(data_dir=tmp_path, judge=rule))


@pytest.mark.parametrize("name", ["python:", "python:os", "python:a b:c", "python:./x.py:f"])
def test_a_name_of_another_form_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="python:MODULE:FUNCTION"):
        open_judge(Settings(data_dir=tmp_path, judge=name))


@pytest.mark.parametrize("name", ["python:os:system", "rule:regex:(a+)+$", "rule:is_json"])
def test_a_page_names_no_code_unless_the_operator_allows_that_name(
    name: str, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path)
    with pytest.raises(InputError, match="--allow-source"):
        sources.check(settings, {"judge": name})
    sources.check(settings.model_copy(update={"allow_source": (name,)}), {"judge": name})


def test_the_documented_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[3] / "docs/models.md").read_text(encoding="utf-8")
    example = text.partition("```python\n")[2].partition("```")[0]
    assert len(example.splitlines()) <= 10
    (tmp_path / "plain_words.py").write_text(example, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    judge = open_judge(Settings(data_dir=tmp_path, judge="python:plain_words:score"))
    try:
        plain, grand = "We sail at dawn.", "Navigational considerations notwithstanding."
        assert judge.compare("q", None, plain, grand).outcome is Choice.LEFT
        with pytest.raises(JudgeError, match="gave no score"):
            judge.compare("q", None, plain, " ")
    finally:
        close_judge(judge)
