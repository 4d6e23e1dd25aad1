"""From messages to prompt ids, with templates that have their own mind about roles."""

from typing import Any

import pytest
from jinja2 import TemplateError

from ptrapp.core.dialogue import build_messages, prompt_ids, stored_messages
from ptrapp.core.settings import BUNDLED_MODEL
from ptrapp.core.thoughts import TINY
from ptrapp.core.types import Message, MessageRole, Turn

REFUSES_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}"
)
SYSTEM, USER = Message(MessageRole.SYSTEM, "Be brief."), Message(MessageRole.USER, "What is 2 + 2?")


@pytest.fixture
def tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(BUNDLED_MODEL)


def text(tokenizer: Any, *messages: Message) -> str:
    ids = prompt_ids(tokenizer, messages, thinking=True)
    return str(tokenizer.decode(ids, skip_special_tokens=False))


def test_a_template_without_a_system_role_gets_it_with_the_first_question(tokenizer: Any) -> None:
    tokenizer.chat_template = REFUSES_SYSTEM
    answer = Message(MessageRole.ASSISTANT, "4")

    read = text(tokenizer, SYSTEM, USER, answer, USER)

    assert read.count("[user]") == 2
    assert "system" not in read
    assert read.index("Be brief.") < read.index("What is 2 + 2?")
    assert read.count("Be brief.") == 1


def test_a_template_with_a_system_role_keeps_it(tokenizer: Any) -> None:
    tokenizer.chat_template = "{% for m in messages %}[{{ m['role'] }}]{% endfor %}"

    assert text(tokenizer, SYSTEM, USER) == "[system][user]"


def test_a_template_that_refuses_something_else_still_does(tokenizer: Any) -> None:
    tokenizer.chat_template = "{{ raise_exception('Roles must alternate') }}"

    for messages in ((USER,), (SYSTEM, USER)):
        with pytest.raises(TemplateError, match="alternate"):
            text(tokenizer, *messages)


def test_a_conversation_stands_before_the_prompt_that_ends_it() -> None:
    asked = [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}]
    first = Turn("", "5", "<R> 5")

    messages = build_messages(
        "And 3 + 3?", [first], TINY, False, system="Be brief.", context=stored_messages(asked)
    )

    assert [message.role.value for message in messages] == (
        ["system", "user", "assistant", "user", "assistant", "user"]
    )
    assert [message.content for message in messages][:4] == [
        "Be brief.", "2 + 2?", "4", "And 3 + 3?",
    ]  # fmt: skip
