"""The remote engine on a real server of llama.cpp: thoughts are ended, and no answer is empty.

The tests run where `THRICE_TEST_LLAMA_SERVER` has a server's address, such as
http://127.0.0.1:8111/v1, with a small instruct model and at most 4,096 tokens for a request.
"""

import os
from collections.abc import Iterator

import pytest

from ptrapp.core.dialogue import build_messages
from ptrapp.core.errors import ContextTooLong
from ptrapp.core.types import Completion, Sampling, ThoughtEnd
from ptrapp.engines.base import Request, complete
from ptrapp.engines.remote.engine import RemoteEngine

URL = os.environ.get("THRICE_TEST_LLAMA_SERVER", "")
pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(not URL, reason="no llama.cpp server: set THRICE_TEST_LLAMA_SERVER"),
]


@pytest.fixture(scope="module")
def engine() -> Iterator[RemoteEngine]:
    opened = RemoteEngine(URL)
    yield opened
    opened.close()


def asked(engine: RemoteEngine, question: str, *, thinking: bool, seed: int = 0) -> Request:
    sampling = Sampling(temperature=0.7, max_tokens=30, max_thought_tokens=16, seed=seed)
    messages = build_messages(question, (), engine.thought_format, thinking)
    return Request(messages, thinking, sampling)


def test_it_continues_and_counts(engine: RemoteEngine) -> None:
    assert engine.capabilities.prefill
    assert engine.capabilities.tokenize
    assert 0 < engine.context_length <= 4096


@pytest.mark.parametrize("thinking", [True, False])
def test_every_answer_has_a_response(engine: RemoteEngine, thinking: bool) -> None:
    requests = [
        asked(engine, "Write a sentence about the sea.", thinking=thinking, seed=seed)
        for seed in range(4)
    ]
    for one in complete(engine, requests):
        assert isinstance(one, Completion), one
        assert one.split.response, one.raw
        assert 0 < one.n_response_tokens <= 30
        if thinking:
            assert one.split.thought
            assert one.n_thought_tokens <= 16 or one.thought_end is ThoughtEnd.MODEL


def test_a_prompt_that_is_too_long_is_refused_in_words(engine: RemoteEngine) -> None:
    request = asked(engine, "word " * engine.context_length, thinking=False)
    (one,) = complete(engine, [request])
    assert isinstance(one, ContextTooLong), one
