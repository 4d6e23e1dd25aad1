"""Builds the messages of a request's body and counts their tokens."""

import logging
from collections.abc import Callable, Sequence
from functools import lru_cache
from math import ceil
from typing import Any

from openai import APIError

from ptrapp.core.dialogue import fold_system
from ptrapp.core.thoughts import THINK, ThoughtFormat
from ptrapp.core.types import Message, MessageRole
from ptrapp.engines.remote.errors import mapped
from ptrapp.engines.remote.probe import Capabilities
from ptrapp.engines.remote.server import Server

log = logging.getLogger(__name__)

_CHARACTERS_A_TOKEN = 3
"""Fewer than in English text, so that the estimate is too long rather than too short."""
_TEMPLATE_TOKENS = 8
"""Most tokens that a chat template adds to a message, in the models known."""


class Prompts:
    """Builds the messages of requests and counts their tokens.

    Token counts come from the server's `/tokenize`, else from the tokenizer in the model's folder
    plus an allowance for the template, else from the number of characters. Only the first is exact.
    """

    def __init__(
        self,
        server: Server,
        model: str,
        capabilities: Capabilities,
        fmt: ThoughtFormat,
        count_text: Callable[[str], int] | None,
    ):
        self._server = server
        self._model = model
        self._capabilities = capabilities
        self._format = fmt
        self._count_text = count_text or (lambda text: ceil(len(text) / _CHARACTERS_A_TOKEN))
        self.exact = capabilities.tokenize
        self._count = lru_cache(maxsize=256)(self._ask_or_estimate)

    @property
    def continues(self) -> bool:
        """Whether a begun answer can be continued. One in `<think>` cannot: templates take such a
        thought out of a message."""
        return self._capabilities.prefill and self._format.name != THINK.name

    def body(self, messages: Sequence[Message], thinking: bool, begun: str = "") -> dict[str, Any]:
        """Returns the messages, with the first marker prefilled where the server can continue one.

        So is `begun`, the text of an answer that is to be continued (see `continues`).

        `<think>` is written by the template itself, which takes it out of a message of ours.
        Without support for the system role they have none, as in `core.dialogue.prompt_ids`. A
        template that writes the marker itself gives the same ids either way.
        """
        sent = messages if self._capabilities.system_role else fold_system(messages)
        rows = [message.as_dict() for message in sent]
        prefill = self._format.prefill(thinking) + begun
        body: dict[str, Any] = {"messages": rows}
        if self._capabilities.template_switches:
            body["chat_template_kwargs"] = {"enable_thinking": thinking}
        if prefill and self.continues:
            rows.append(Message(MessageRole.ASSISTANT, prefill).as_dict())
            body |= {"continue_final_message": True, "add_generation_prompt": False}
            if self._capabilities.template_switches:  # llama.cpp refuses the two together
                body["chat_template_kwargs"] = {"enable_thinking": False}
        return body

    def count(self, messages: Sequence[Message], thinking: bool) -> int:
        """Returns the tokens before the answer. Raises `EngineUnavailable` if asking fails."""
        return self._count(tuple(messages), thinking)

    def _ask_or_estimate(self, messages: tuple[Message, ...], thinking: bool) -> int:
        if self.exact:
            try:
                asked = self._server.count_tokens(
                    {"model": self._model} | self.body(messages, thinking)
                )
            except APIError as error:
                raise mapped(error, self._server.url) from error
            if asked is not None:
                return asked
        return sum(self._count_text(message.content) + _TEMPLATE_TOKENS for message in messages)
