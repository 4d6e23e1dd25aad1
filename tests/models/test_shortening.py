"""A conversation that is too long loses its oldest turns, never the question behind the answer."""

from collections import Counter
from typing import Any

import pytest
from transformers import AutoTokenizer

from ptrapp.core.dialogue import build_messages
from ptrapp.core.settings import BUNDLED_MODEL
from ptrapp.core.thoughts import TINY
from ptrapp.core.types import Message, MessageRole, Turn
from training.data.encode import SHORTENED, encode_pairs
from training.data.examples import PairExample, Target

pytestmark = pytest.mark.training
LONG = "word " * 200


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(BUNDLED_MODEL)


def turns(*texts: str) -> list[Message]:
    roles = (MessageRole.USER, MessageRole.ASSISTANT)
    return [Message(roles[n % 2], text) for n, text in enumerate(texts)]


def encoded_text(tokenizer: Any, example: PairExample, length: int) -> tuple[str, Counter[str]]:
    dropped = Counter[str]()
    found = encode_pairs(tokenizer, TINY, [example], length, dropped, max_pairs=1)
    texts = [tokenizer.decode(one.prompt.token_ids, skip_special_tokens=False) for one in found]
    return "".join(texts), dropped


def pair(messages: tuple[Message, ...], n_context: int) -> PairExample:
    sides = Target("<R> Lima.", None), Target("<R> Cusco.", None)
    return PairExample(messages, False, *sides, (1,), n_context=n_context)


def test_the_last_question_stays_and_whole_pairs_of_turns_go(tokenizer: Any) -> None:
    context = turns("Tell me a story.", LONG, "And another.", "A short one.")
    messages = build_messages(
        "What is the capital of Peru?", [], TINY, False, system="Be brief.", context=context
    )
    text, dropped = encoded_text(tokenizer, pair(messages, len(context)), 120)
    assert "Tell me a story." not in text
    assert "Be brief." in text
    assert "And another." in text
    assert text.endswith("What is the capital of Peru?<|end|><|assistant|><R>")
    assert dropped == {SHORTENED: 1}
    roles = [part.partition("|>")[0] for part in text.split("<|")[1:] if "end|>" not in part[:5]]
    assert roles == ["system", "user", "assistant", "user", "assistant"]


def test_before_an_attempt_goes_the_conversation_goes(tokenizer: Any) -> None:
    context = turns("Tell me a story.", LONG)
    history = [Turn("", "Quito.", "<R> Quito."), Turn("", "Cusco.", "<R> Cusco.")]
    messages = build_messages("The capital of Peru?", history, TINY, False, context=context)
    text, _ = encoded_text(tokenizer, pair(messages, len(context)), 120)
    assert "story" not in text
    assert "Quito" in text
    assert text.index("The capital of Peru?") < text.index("Quito")


def test_a_conversation_that_begins_with_an_answer_still_alternates(tokenizer: Any) -> None:
    context = [Message(MessageRole.ASSISTANT, LONG), *turns("Hello.", "Good day.")]
    messages = build_messages("The capital of Peru?", [], TINY, False, context=context)
    text, _ = encoded_text(tokenizer, pair(messages, len(context)), 100)
    assert text.startswith("<|user|>Hello.")


def test_what_cannot_be_shortened_is_left_out_and_counted(tokenizer: Any) -> None:
    messages = build_messages(f"The capital of Peru? {LONG}", [], TINY, False)
    text, dropped = encoded_text(tokenizer, pair(messages, 0), 60)
    assert text == ""
    assert dropped == {"longer than the model's context": 1}
