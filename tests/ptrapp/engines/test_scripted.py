from collections.abc import Callable
from pathlib import Path

import pytest
from engine_contract import EngineContract, ask

from ptrapp.core.errors import EngineUnavailable
from ptrapp.core.types import Completion, FinishReason
from ptrapp.engines.base import Request, complete
from ptrapp.engines.scripted import ScriptedEngine

ANSWER = "<T> two and two " + "is four " * 100 + "<R> The answer is 4."


class TestScriptedEngine(EngineContract):
    @pytest.fixture
    def engine(self) -> ScriptedEngine:
        return ScriptedEngine(lambda request: ANSWER)

    @pytest.fixture
    def adapter(self, tmp_path: Path) -> Callable[[int], Path]:
        def make(number: int) -> Path:
            folder = tmp_path / f"adapter-{number}"
            folder.mkdir(exist_ok=True)
            (folder / "adapter_config.json").write_text("{}", encoding="utf-8")
            return folder

        return make


def test_a_list_answers_in_order_and_its_last_text_repeats() -> None:
    engine = ScriptedEngine(["<R> one", "<R> two"])
    outcomes = complete(engine, [ask(str(n), thinking=False) for n in range(3)])
    assert [outcome.split.response for outcome in outcomes if isinstance(outcome, Completion)] == [
        "one", "two", "two",
    ]  # fmt: skip


def test_a_chosen_request_fails_and_the_next_one_does_not() -> None:
    engine = ScriptedEngine(lambda _: "<R> yes", failures={1: EngineUnavailable("gone")})
    outcomes = complete(engine, [ask("a"), ask("b"), ask("c")])
    assert [type(outcome) for outcome in outcomes] == [Completion, EngineUnavailable, Completion]


def test_a_script_sees_the_request_and_the_token_limit_cuts_its_answer() -> None:
    def script(request: Request) -> str:
        return f"<R> you said {request.messages[-1].content}"

    engine = ScriptedEngine(script)
    (outcome,) = complete(engine, [ask("hello", thinking=False, max_tokens=3)])
    assert isinstance(outcome, Completion)
    assert outcome.raw == "<R> you said"
    assert outcome.finish_reason is FinishReason.LENGTH
