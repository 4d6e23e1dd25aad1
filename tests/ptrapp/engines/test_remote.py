"""The remote engine against a server with every misbehaviour seen in real ones, one at a time."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest
from engine_contract import EngineContract, ask
from server_double import EOS, Double

from ptrapp.core.dialogue import build_messages, fold_system
from ptrapp.core.errors import (
    AdapterRejected,
    AdaptersUnsupported,
    ContextTooLong,
    EngineError,
    EngineUnavailable,
    ModelUnusable,
    PolicyMissing,
)
from ptrapp.core.settings import BUNDLED_MODEL
from ptrapp.core.thoughts import GENERIC, TINY, Thinking
from ptrapp.core.types import BASE, Completion, FinishReason, MessageRole, Policy, Sampling, Turn
from ptrapp.engines.base import Delta, Failed, Priority, Request, complete
from ptrapp.engines.remote import errors
from ptrapp.engines.remote.engine import RemoteEngine, _context_length
from ptrapp.engines.remote.server import Timeouts
from ptrapp.refinement.loop import RoundFailed, RoundFinished, refine
from ptrapp.refinement.options import RefineOptions
from ptrapp.services.storing import as_row

QUICK = Timeouts(connect_s=1, first_token_s=5, idle_s=0.2, backoff_s=0.02)

Open = Callable[..., RemoteEngine]


@pytest.fixture
def double() -> Iterator[Double]:
    started = Double()
    yield started
    started.stop()


@pytest.fixture
def open_engine(double: Double) -> Iterator[Open]:
    """Open an engine on the double, after its switches have been set."""
    opened: list[RemoteEngine] = []

    def start(**options: Any) -> RemoteEngine:
        opened.append(RemoteEngine(double.url, **{"timeouts": QUICK, **options}))
        double.forget()
        return opened[-1]

    yield start
    for engine in opened:
        engine.close()


@pytest.fixture
def engine(open_engine: Open) -> RemoteEngine:
    return open_engine()


@pytest.fixture
def adapter(tmp_path: Path) -> Callable[[int], Path]:
    def make(number: int) -> Path:
        folder = tmp_path / f"adapter-{number}"
        folder.mkdir(exist_ok=True)
        (folder / "adapter_config.json").write_text("{}", encoding="utf-8")
        (folder / "adapter_model.safetensors").write_text(f"weights {number}", encoding="utf-8")
        return folder

    return make


class TestRemoteEngine(EngineContract):
    pass


def answer(engine: RemoteEngine, request: Request) -> Completion:
    (outcome,) = complete(engine, [request])
    assert isinstance(outcome, Completion), outcome
    return outcome


def failure(engine: RemoteEngine, request: Request) -> EngineError:
    (outcome,) = complete(engine, [request])
    assert isinstance(outcome, EngineError), outcome
    return outcome


def test_a_server_that_can_do_everything_is_probed_as_such(engine: RemoteEngine) -> None:
    found = engine.capabilities
    seen = {name: getattr(found, name) for name in found.__slots__}
    assert seen.pop("reasons") is False
    assert all(seen.values()), seen
    assert engine.model_id == str(BUNDLED_MODEL)
    assert engine.context_length == 1024
    assert engine.thought_format is TINY


@pytest.mark.parametrize(
    ("switch", "capability", "words"),
    [
        ({"ignores_n": True}, "candidates", "ignores n"),
        ({"ignores_seed": True}, "seeds", "The same seed gives another text"),
        ({"is_greedy": True}, "samples", "candidates do not differ"),
        ({"prefills": False}, "prefill", "cannot continue"),
        ({"gives_token_ids": False}, "token_ids", "no token ids"),
        ({"gives_logprobs": False}, "logprobs", "no log-probabilities"),
        ({"tokenizes": False}, "tokenize", "estimated"),
        ({"knows_adapters": False}, "adapters", "only the base model"),
        ({"accepts_any_model": True}, "refuses_unknown_models", "any model name"),
        ({"priorities": "refused"}, "priorities", "takes no priorities"),
        ({"priorities": "ignored"}, "priorities", "takes no priorities"),
        ({"takes_system": False}, "system_role", "refuses a system message"),
        ({"takes_extras": False}, "template_switches", "refuses chat_template_kwargs"),
    ],
)
def test_what_a_server_cannot_do_is_probed_and_reported(
    double: Double, open_engine: Open, switch: dict[str, Any], capability: str, words: str
) -> None:
    vars(double).update(switch)
    engine = open_engine()
    assert getattr(engine.capabilities, capability) is False
    assert any(words in sentence for sentence in engine.capabilities.sentences())
    assert isinstance(complete(engine, [ask("still answers")])[0], Completion)


def test_a_server_of_llama_cpp_continues_counts_and_says_what_a_request_may_have(
    double: Double, open_engine: Open
) -> None:
    double.is_llama_cpp = True
    engine = open_engine()
    found = engine.capabilities
    assert (found.prefill, found.tokenize) == (True, True)
    assert (found.token_ids, found.adapters, found.refuses_unknown_models) == (False,) * 3
    assert engine.context_length == 1024, "n_ctx, not what the model was trained with"
    request = ask("one two three")
    assert engine.count_prompt_tokens(request.messages, thinking=False) == 3 + 2 * 2
    with pytest.raises(ContextTooLong, match="reads 1,024"):
        raise failure(engine, ask("word " * 1024))


def test_each_candidate_is_a_request_with_its_seed_and_every_parameter(
    double: Double, engine: RemoteEngine
) -> None:
    requests = [ask("a", seed=n, temperature=0.7, top_p=0.9, max_tokens=20) for n in range(4)]
    outcomes = complete(engine, requests)
    assert len({outcome.raw for outcome in outcomes if isinstance(outcome, Completion)}) == 4
    assert sorted(body["seed"] for body in double.asked) == [0, 1, 2, 3]
    for body in double.asked:
        sent = {name: body[name] for name in ("n", "temperature", "top_p", "max_tokens", "top_k")}
        assert sent == {"n": 1, "temperature": 0.7, "top_p": 0.9, "max_tokens": 40, "top_k": -1}


@pytest.mark.parametrize(
    ("policy", "sent"), [("obeyed", [0, 1]), ("refused", [None] * 2), ("ignored", [None] * 2)]
)
def test_a_job_has_a_lower_priority_where_the_server_reads_it(
    double: Double, open_engine: Open, policy: Any, sent: list[int | None]
) -> None:
    double.priorities = policy
    engine = open_engine()
    for priority in (Priority.PERSON, Priority.JOB):
        answer(engine, replace(ask("a"), priority=priority))
    assert [body.get("priority") for body in double.asked] == sent


@pytest.mark.parametrize("taken", [True, False])
def test_a_system_message_goes_before_the_question_where_there_is_no_such_role(
    double: Double, open_engine: Open, taken: bool
) -> None:
    double.takes_system = taken
    engine = open_engine(thought_format="system")
    turn = Turn("", "4", "4")
    messages = build_messages("2 + 2?", [turn], engine.thought_format, True)
    assert messages[0].role is MessageRole.SYSTEM
    answer(engine, Request(messages, True, Sampling(), enforce=False))
    (body,) = double.asked
    sent = messages if taken else fold_system(messages)
    assert body["messages"] == [message.as_dict() for message in sent]
    n_words = sum(len(message.content.split()) for message in messages)
    assert engine.count_prompt_tokens(messages, True) == n_words + 2 * (len(sent) + 1)


def test_ids_log_probabilities_and_counts_are_the_servers(engine: RemoteEngine) -> None:
    request = replace(ask("a", max_tokens=200), logps=True)
    completion = answer(engine, request)
    assert completion.token_ids[-1] == EOS
    assert completion.finish_reason is FinishReason.STOP
    assert completion.logprob_sum == -0.5 * len(completion.token_ids) == sum(completion.logps)
    assert completion.n_response_tokens == 6  # The answer is 7 . and the end
    assert answer(engine, ask("long", max_tokens=9)).finish_reason is FinishReason.LENGTH


def test_without_ids_the_usage_counts_and_the_row_has_none(
    double: Double, open_engine: Open
) -> None:
    double.gives_token_ids = double.gives_logprobs = False
    completion = answer(open_engine(), ask("a", max_tokens=200))
    n_words = len(
        completion.raw.replace("<T>", "").replace("<R>", " <R>").replace(".", " .").split()
    )
    assert completion.n_thought_tokens + completion.n_response_tokens == n_words + 1
    assert completion.token_ids == ()
    assert completion.logprob_sum is None
    row = as_row(
        completion, index=0, thinking=True, sampling=Sampling(), seed=0, reference_answer=None
    )
    assert row.completion_ids is None


def test_the_first_marker_is_prefilled(double: Double, engine: RemoteEngine) -> None:
    thinking, direct = complete(engine, [ask("a"), ask("a", thinking=False)])
    assert isinstance(thinking, Completion)
    assert isinstance(direct, Completion)
    assert thinking.raw.startswith("<T> ")
    assert direct.raw.startswith("<R> The answer")
    assert direct.n_thought_tokens == 0
    for body in double.asked:
        assert body["messages"][-1]["role"] == "assistant"
        assert body["continue_final_message"] is True
        assert body["add_generation_prompt"] is False


def test_a_server_that_cannot_prefill_is_asked_without(double: Double, open_engine: Open) -> None:
    with_prefill = answer(open_engine(), ask("a", temperature=0.0)).split
    double.prefills = False
    completion = answer(open_engine(), ask("a", temperature=0.0))
    assert double.asked[-1]["messages"][-1]["role"] == "user"
    assert completion.raw.startswith("<T> ")
    assert completion.split.well_formed is with_prefill.well_formed is True


@pytest.mark.parametrize("thinking", [True, False])
def test_an_echoed_prefill_is_stripped(
    double: Double, engine: RemoteEngine, thinking: bool
) -> None:
    expected = answer(engine, ask("a", seed=1, thinking=thinking))
    double.echoes_prefill = True
    events = list(engine.stream([ask("a", seed=1, thinking=thinking)]))
    assert all(
        "<" not in e.split.thought + e.split.response for e in events if isinstance(e, Delta)
    )
    assert answer(engine, ask("a", seed=1, thinking=thinking)).raw == expected.raw


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
@pytest.mark.parametrize("fmt", ["tiny", "think"])
def test_thoughts_in_a_field_of_their_own_are_split_as_in_the_text(
    double: Double, open_engine: Open, field: str, fmt: str
) -> None:
    plain = answer(open_engine(thought_format="tiny"), ask("a", seed=1)).split
    if fmt == "think":
        double.prefills = False  # a begun answer is another prompt, so another answer
        plain = answer(open_engine(thought_format="tiny"), ask("a", seed=1)).split
    double.thoughts_in = field
    engine = open_engine(thought_format=fmt)
    assert engine.capabilities.reasons
    completion = answer(engine, ask("a", seed=1))
    assert completion.split == plain
    assert completion.raw.startswith(engine.thought_format.thought_marker)
    assert engine.thought_format.response_marker in completion.raw
    assert 0 < completion.n_thought_tokens < len(completion.token_ids)


@pytest.mark.parametrize("flaw", ["interrupts", "tears", "hangs"])
def test_a_broken_stream_is_sampled_again_as_a_whole_once(
    double: Double, engine: RemoteEngine, flaw: str
) -> None:
    expected = answer(engine, ask("a", seed=1)).raw
    double.forget()
    setattr(double, flaw, 1)
    assert answer(engine, ask("a", seed=1)).raw == expected
    assert len(double.asked) == 2


@pytest.mark.parametrize(
    ("flaw", "words"),
    [("interrupts", "EngineCore is gone"), ("tears", "ended"), ("hangs", "nothing came for 0.2 s")],
)
def test_a_stream_that_breaks_twice_fails_alone(
    double: Double, engine: RemoteEngine, flaw: str, words: str
) -> None:
    setattr(double, flaw, 2)
    error = failure(engine, ask("a"))
    assert isinstance(error, EngineUnavailable)
    assert words in str(error)
    setattr(double, flaw, 1)
    outcomes = complete(engine, [ask("a"), ask("b"), ask("c")])
    assert all(isinstance(outcome, Completion) for outcome in outcomes)


@pytest.mark.parametrize("flaw", ["overloaded", "fails"])
def test_a_passing_failure_is_retried_after_a_moment(
    double: Double, engine: RemoteEngine, flaw: str
) -> None:
    setattr(double, flaw, 2)
    answer(engine, ask("a"))
    assert len(double.asked) == 3
    double.forget()
    setattr(double, flaw, 10)
    assert isinstance(failure(engine, ask("a")), EngineUnavailable)
    assert len(double.asked) == 3


def test_a_request_that_timed_out_before_its_first_token_is_not_retried(
    double: Double, open_engine: Open
) -> None:
    engine = open_engine(timeouts=replace(QUICK, first_token_s=0.3))
    double.mute = 9
    assert "took too long" in str(failure(engine, ask("a")))
    assert len(double.asked) == 1


def test_the_servers_error_about_the_context_decides(double: Double, open_engine: Open) -> None:
    double.tokenizes = False
    engine = open_engine()
    error = failure(engine, ask("word " * 1500))
    assert isinstance(error, ContextTooLong)
    assert "1,024" in str(error)
    assert len(double.asked) == 1


def test_a_model_without_a_chat_template_is_said_and_what_to_do(
    double: Double, open_engine: Open
) -> None:
    double.has_template = False
    error = failure(open_engine(), ask("a"))
    assert isinstance(error, ModelUnusable)
    assert "--chat-template" in str(error)
    assert "--engine local" in str(error)


def test_after_a_restart_every_live_version_is_published_again_once(
    double: Double, engine: RemoteEngine, adapter: Callable[[int], Path]
) -> None:
    engine.publish("one", adapter(1))
    engine.publish("two", adapter(2))
    expected = answer(engine, ask("a", policy=Policy("one"))).raw
    assert expected != answer(engine, ask("a")).raw
    double.restart()
    double.forget()
    outcomes = complete(engine, [ask("a", policy=Policy("one"))] * 5)
    assert [outcome.raw for outcome in outcomes if isinstance(outcome, Completion)] == [
        expected
    ] * 5
    assert sorted(name.partition("-")[0] for name in double.loads) == ["one", "two"]


def test_a_version_that_cannot_come_back_is_missing_and_the_base_answers(
    double: Double, engine: RemoteEngine, adapter: Callable[[int], Path]
) -> None:
    engine.publish("lost", adapter(1))
    double.restart()
    (adapter(1) / "adapter_config.json").unlink()
    outcomes = complete(engine, [ask("a", policy=Policy("lost")), ask("a")])
    assert isinstance(outcomes[0], PolicyMissing)
    assert isinstance(outcomes[1], Completion)


def test_a_version_that_outlived_an_earlier_app_is_recognised_by_its_content(
    double: Double, open_engine: Open, adapter: Callable[[int], Path]
) -> None:
    folder = adapter(1)
    open_engine().publish("kept", folder)
    names = set(double.adapters)
    engine = open_engine()
    engine.publish("kept", folder)
    assert set(double.adapters) == names
    answer(engine, ask("a", policy=Policy("kept")))
    (folder / "adapter_model.safetensors").write_text(
        "other weights, from another data folder", encoding="utf-8"
    )
    open_engine().publish("kept", folder)
    assert len(double.adapters) == 2


def test_a_retired_version_leaves_the_server_with_its_last_pin(
    double: Double, engine: RemoteEngine, adapter: Callable[[int], Path]
) -> None:
    engine.publish("old", adapter(1))
    with engine.pin(Policy("old")):
        engine.retire("old")
        assert double.adapters
    assert not double.adapters


def test_an_adapter_the_server_refuses_is_rejected_in_its_words(
    double: Double, engine: RemoteEngine, adapter: Callable[[int], Path]
) -> None:
    double.refuses_adapters = True
    with pytest.raises(AdapterRejected, match="max_lora_rank 16"):
        engine.publish("wide", adapter(1))
    answer(engine, ask("a"))


def test_an_adapter_that_cannot_answer_is_unloaded_and_rejected(
    double: Double, engine: RemoteEngine, adapter: Callable[[int], Path]
) -> None:
    double.fails = 1
    with pytest.raises(AdapterRejected, match="cannot answer"):
        engine.publish("mute", adapter(1))
    assert not double.adapters
    engine.publish("mute", adapter(1))


def test_without_adapter_endpoints_publishing_says_what_to_do(
    double: Double, open_engine: Open, adapter: Callable[[int], Path]
) -> None:
    double.knows_adapters = False
    with pytest.raises(
        AdaptersUnsupported, match=r"VLLM_ALLOW_RUNTIME_LORA_UPDATING.*--engine local"
    ):
        open_engine().publish("any", adapter(1))


def test_a_server_started_again_without_adapter_endpoints_rejects_no_version(
    double: Double, engine: RemoteEngine, adapter: Callable[[int], Path]
) -> None:
    engine.publish("first", adapter(1))
    double.knows_adapters = False
    double.restart()
    with pytest.raises(AdaptersUnsupported):
        engine.publish("second", adapter(2))
    assert isinstance(failure(engine, ask("a", policy=Policy("first"))), PolicyMissing)
    answer(engine, ask("a"))


def test_a_server_that_takes_any_model_name_is_given_no_adapter(
    double: Double, open_engine: Open, adapter: Callable[[int], Path]
) -> None:
    double.accepts_any_model = True
    with pytest.raises(AdaptersUnsupported, match="any model name"):
        open_engine().publish("any", adapter(1))


def test_a_server_that_is_away_while_publishing_rejects_nothing(
    double: Double, engine: RemoteEngine, adapter: Callable[[int], Path]
) -> None:
    double.stop()
    with pytest.raises(EngineUnavailable):
        engine.publish("later", adapter(1))
    double.start()
    engine.publish("later", adapter(1))


@pytest.mark.parametrize("hanging", [False, True])
def test_closing_the_generator_closes_the_streams(
    double: Double, engine: RemoteEngine, hanging: bool
) -> None:
    double.word_s, double.hangs = 0.01, 4 * hanging
    events = engine.stream([ask("long", max_tokens=300, seed=n) for n in range(4)])
    next(events)
    time.sleep(0.1)
    closed_at = time.monotonic()
    events.close()
    while double.n_cancelled < 4 and time.monotonic() - closed_at < 2:
        time.sleep(0.01)
    assert double.n_cancelled == 4
    assert time.monotonic() - closed_at < 0.5


def test_a_server_that_vanishes_between_rounds_costs_that_round_only(
    double: Double, engine: RemoteEngine
) -> None:
    def rounds() -> list[Any]:
        options = RefineOptions(Thinking.ALWAYS, Sampling(max_tokens=30), BASE)
        events = refine(engine, "a", 3, options)
        seen = []
        for event in events:
            if isinstance(event, RoundFinished | RoundFailed):
                seen.append(event)
                if len(seen) == 1 and not vanished.is_set():
                    vanished.set()
                    double.stop()
        return seen

    vanished = threading.Event()
    first, second = rounds()
    assert isinstance(first, RoundFinished)
    assert isinstance(second, RoundFailed)
    assert isinstance(second.error, EngineUnavailable)
    assert double.url in str(second.error)
    double.start()
    assert [type(event) for event in rounds()] == [RoundFinished] * 3


def test_a_server_that_vanishes_in_the_middle_of_an_answer_fails_it(
    double: Double, engine: RemoteEngine
) -> None:
    events = engine.stream([ask("long", max_tokens=300)])
    next(events)
    double.stop()
    *_, end = events
    assert isinstance(end, Failed)
    assert isinstance(end.error, EngineUnavailable)
    double.start()
    answer(engine, ask("a"))


def test_a_request_on_its_way_while_the_engine_closes_says_that_it_is_closed(
    engine: RemoteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream_chat = engine._server.stream_chat

    def close_first(body: dict[str, Any]) -> Any:
        engine.close()
        return stream_chat(body)

    monkeypatch.setattr(engine._server, "stream_chat", close_first)
    error = failure(engine, ask("a"))
    assert isinstance(error, EngineUnavailable)
    assert "closed" in str(error)


def test_nobody_at_the_address_is_said_with_the_address() -> None:
    with pytest.raises(
        EngineUnavailable, match=r"http://127\.0\.0\.1:9/v1 does not answer .* --base-url"
    ):
        RemoteEngine("http://127.0.0.1:9")


def test_a_key_is_sent_and_a_wrong_one_is_said_but_never_shown(
    double: Double, open_engine: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "ptrapp")
    double.key = "right-key"
    answer(open_engine(api_key="right-key"), ask("a"))
    engine = open_engine(api_key="wrong-key", served_model="base")
    error = failure(engine, ask("a"))
    assert "THRICE_API_KEY" in str(error)
    assert "-key" not in str(error) + caplog.text


def test_a_model_the_server_does_not_have_is_said(open_engine: Open) -> None:
    error = failure(open_engine(served_model="other"), ask("a"))
    assert isinstance(error, EngineUnavailable)
    assert "--served-model" in str(error)


def test_prompts_are_counted_by_the_server_the_folder_or_the_characters(
    double: Double, open_engine: Open, tmp_path: Path
) -> None:
    request = ask("one two three")
    counted = open_engine().count_prompt_tokens(request.messages, True)
    assert counted == 3 + 1 + 2 * 2  # words, the marker, the template around two messages
    double.tokenizes = False
    by_folder = open_engine().count_prompt_tokens(request.messages, True)
    by_characters = open_engine(model_path=str(tmp_path)).count_prompt_tokens(
        request.messages, True
    )
    assert by_folder > 8
    assert by_characters == 5 + 8


def test_the_length_is_the_servers_word_or_else_the_models(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"max_position_embeddings": 77}', encoding="utf-8")
    told = {"meta": {"n_ctx": 512, "n_ctx_train": 8192}}
    assert _context_length(told, str(tmp_path)) == 512
    assert _context_length({"meta": {"n_ctx_train": 8192}}, str(tmp_path)) == 8192
    assert _context_length({}, str(tmp_path)) == 77
    for odd in ("[]", "null", '{"max_position_embeddings": true}', "{"):
        (tmp_path / "config.json").write_text(odd, encoding="utf-8")
        assert _context_length({}, str(tmp_path)) == 4096
    assert _context_length({}, "some/hub-id") == 4096


def test_the_format_is_read_off_the_folder_or_the_servers_answer(
    double: Double, open_engine: Open, tmp_path: Path
) -> None:
    assert open_engine(model_path=str(tmp_path)).thought_format == GENERIC
    template = "{{ messages[-1].content }}{% if add_generation_prompt %}<think>{% endif %}"
    (tmp_path / "chat_template.jinja").write_text(template, encoding="utf-8")
    fmt = open_engine(model_path=str(tmp_path)).thought_format
    assert (fmt.name, fmt.prefill_thinking, fmt.prefill_direct) == ("think", "<think>", "<think>")
    double.thoughts_in = "reasoning"
    assert open_engine(model_path="some/hub-id").thought_format.name == "think"


def _kinds(kind: type[openai.APIError]) -> set[type[openai.APIError]]:
    return {kind}.union(*(_kinds(below) for below in kind.__subclasses__()))


@pytest.mark.parametrize("kind", sorted(_kinds(openai.APIError), key=lambda kind: kind.__name__))
def test_every_error_of_the_client_is_mapped_to_the_tree(kind: type[openai.APIError]) -> None:
    error = kind.__new__(kind)
    Exception.__init__(error, "it failed")
    error.message, error.body = "it failed", None
    error.status_code = 418  # type: ignore[attr-defined]
    mapped = errors.mapped(error, "http://here/v1")
    assert isinstance(mapped, EngineUnavailable)
    assert "http://here/v1" in str(mapped)
