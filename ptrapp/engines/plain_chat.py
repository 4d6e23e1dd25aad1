"""A chat template for models that have none: questions and answers in plain text.

Serving and training load their tokenizer through `engines.loading`, so both read the same prompts.

Worked example, a system message and one earlier round, `▮` being where the model writes::

    Be brief.

    Question: What is 12 + 30?
    Answer: 41

    Question: Check your answer and improve it.
    Answer:▮
"""

from typing import Any, Protocol

STOP = ("\n\nQuestion:", "\nQuestion:")
"""Such a model was never taught to end a turn: it asks itself the next question."""

_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ message['content'] }}\n\n"
    "{% elif message['role'] == 'user' %}Question: {{ message['content'] }}\n"
    "{% else %}Answer: {{ message['content'] | trim }}\n\n"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}Answer:{% endif %}"
)
"""No space at the end: with most tokenizers it belongs to the first word of the answer."""


class Tokenizer(Protocol):
    """What is needed of a `transformers` tokenizer."""

    chat_template: Any
    bos_token_id: Any

    def __call__(self, text: str) -> Any: ...


def ensure_template(tokenizer: Tokenizer) -> bool:
    """Give the tokenizer this template if it has none; whether it has it now.

    A model all of whose weights were trained with it was saved with it.
    """
    if not tokenizer.chat_template:
        tokenizer.chat_template = _opening(tokenizer) + _TEMPLATE
    return str(tokenizer.chat_template).endswith(_TEMPLATE)


def _opening(tokenizer: Tokenizer) -> str:
    """The token that the tokenizer begins a text with, if any: a template has to write it."""
    begins = list(tokenizer("a")["input_ids"])[:1] == [tokenizer.bos_token_id]
    return "{{ bos_token }}" if begins else ""
