"""Provides a chat template for models without one: questions and answers in plain text.

Serving and training load their tokenizer through `engines.local.loading`, so both read the same
prompts.

Worked example, a system message and one earlier round, the model continuing at `▮`::

    Be brief.

    Question: What is 12 + 30?
    Answer: 41

    Question: Check your answer and improve it.
    Answer:▮
"""

from typing import Any, Protocol

STOP = ("\n\nQuestion:", "\nQuestion:")
"""Such a model never learnt to end a turn: it goes on to ask itself the next question."""

_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ message['content'] }}\n\n"
    "{% elif message['role'] == 'user' %}Question: {{ message['content'] }}\n"
    "{% else %}Answer: {{ message['content'] | trim }}\n\n"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}Answer:{% endif %}"
)
"""Has no space at the end: in most tokenizers it belongs to the first word of the answer."""


class Tokenizer(Protocol):
    """The parts of a `transformers` tokenizer used here."""

    chat_template: Any
    bos_token_id: Any

    def __call__(self, text: str) -> Any: ...


def ensure_template(tokenizer: Tokenizer) -> bool:
    """Sets this template on a tokenizer without one; returns whether the tokenizer has it now.

    A model whose weights were all trained with this template was also saved with it.
    """
    if not tokenizer.chat_template:
        tokenizer.chat_template = _opening(tokenizer) + _TEMPLATE
    return str(tokenizer.chat_template).endswith(_TEMPLATE)


def _opening(tokenizer: Tokenizer) -> str:
    """Returns what writes the token that a text begins with, if the tokenizer adds one."""
    begins = list(tokenizer("a")["input_ids"])[:1] == [tokenizer.bos_token_id]
    return "{{ bos_token }}" if begins else ""
