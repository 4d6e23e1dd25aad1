"""The engine over HTTP: probes a server at start, then serves the protocol of `engines.base`."""

import json
import logging
import threading
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

from openai import APIError

from ptrapp.core.errors import EngineUnavailable
from ptrapp.core.types import Message, Policy
from ptrapp.engines.base import Event, Request
from ptrapp.engines.remote.adapters import ServerAdapters
from ptrapp.engines.remote.drawing import Drawing
from ptrapp.engines.remote.errors import mapped
from ptrapp.engines.remote.folder import choose_format, text_counter
from ptrapp.engines.remote.generator import CompletionGenerator
from ptrapp.engines.remote.group import CandidateGroup
from ptrapp.engines.remote.probe import probe
from ptrapp.engines.remote.prompts import Prompts
from ptrapp.engines.remote.server import Server, Timeouts

log = logging.getLogger(__name__)

_UNKNOWN_CONTEXT = 4096
"""Assumed for servers that do not state it; --context-length corrects it."""


class RemoteEngine:
    """Serves the models of an OpenAI-compatible server. See `ptrapp.engines.base.Engine`."""

    def __init__(
        self,
        base_url: str,
        *,
        model_path: str = "",
        api_key: str = "",
        served_model: str = "",
        context_length: int = 0,
        thought_format: str = "auto",
        timeouts: Timeouts = Timeouts(),
    ):
        """Probes the server. Raises `EngineUnavailable` when it does not answer.

        `model_path` is where training finds the same model; empty takes the path the server names.
        """
        self._server = Server(base_url, api_key, timeouts)
        try:
            cards = self._server.models()
            served = served_model or _first(cards, self._server.url)
            self.capabilities = probe(self._server, served)
        except APIError as error:
            self._server.close()
            raise mapped(error, self._server.url) from error
        card = cards.get(served, {})
        root = str(card.get("root") or served)
        self.model_id = _same_model(model_path, root)
        self.context_length = context_length or _context_length(card, root)
        self.thought_format = choose_format(
            thought_format, self.model_id, self.capabilities.reasons
        )
        self.about = (
            f"{served} on the server at {self._server.url}.",
            *self.capabilities.sentences(),
        )
        self._adapters = ServerAdapters(self._server, served, self.capabilities)
        self._prompts = Prompts(
            self._server,
            served,
            self.capabilities,
            self.thought_format,
            text_counter(self.model_id),
        )
        self._generator = CompletionGenerator(
            Drawing(self._server, self._adapters, self.context_length, timeouts),
            self.capabilities,
            self._prompts,
            self.thought_format,
        )
        self._lock = threading.Lock()
        self._groups: set[CandidateGroup] = set()
        self._closed = False

    failure: str | None = None

    def stream(self, requests: Sequence[Request]) -> Generator[Event, None, None]:
        """Answers `requests`; work begins with the first `next`, closing the generator cancels."""
        group = CandidateGroup(self._generator, requests)
        with self._lock:
            if self._closed:
                raise EngineUnavailable(_CLOSED)
            self._groups.add(group)
        try:
            yield from group.events()
        finally:
            with self._lock:
                self._groups.discard(group)
            group.cancel(EngineUnavailable("The request was cancelled."))

    def count_prompt_tokens(self, messages: Sequence[Message], thinking: bool) -> int:
        """Returns the count, exact where the server counts; else an estimate (see `Prompts`)."""
        return self._prompts.count(messages, thinking)

    def publish(self, name: str, path: Path) -> None:
        """Loads the adapter on the server, which must see the same folder.

        Raises `AdapterRejected`, `AdaptersUnsupported` when the server would refuse every adapter,
        or `EngineUnavailable` when a later try may succeed.
        """
        self._adapters.publish(name, path)

    def retire(self, name: str) -> None:
        self._adapters.pins.retire(name)

    def pin(self, policy: Policy) -> AbstractContextManager[None]:
        return self._adapters.pins.pin(policy)

    def published(self) -> frozenset[str]:
        return self._adapters.pins.published()

    def close(self) -> None:
        """Cancels open requests, which fail with `EngineUnavailable`."""
        with self._lock:
            self._closed = True
            groups = list(self._groups)
        for group in groups:
            group.cancel(EngineUnavailable(_CLOSED))
        self._server.close()


_CLOSED = "The engine is closed. Start the app again."


def _first(cards: dict[str, dict[str, Any]], url: str) -> str:
    """Returns the first model that is no adapter."""
    for name, card in cards.items():
        if not card.get("parent"):
            return name
    raise EngineUnavailable(
        f"The server at {url} names no model. Say which one: --served-model NAME"
    )


def _same_model(model_path: str, root: str) -> str:
    """Returns where training finds the model: the path given, else the one the server names."""
    if Path(root).is_dir():
        root = str(Path(root).resolve())
    if not model_path or model_path == root:
        return root
    if Path(model_path).name != Path(root).name:
        log.warning(
            "The server says it serves %s, and --model is %s. Adapters are trained on the latter: "
            "the two must be one model.", root, model_path,
        )  # fmt: skip
    return model_path


def _context_length(card: dict[str, Any], root: str) -> int:
    """Reads `max_model_len` in vLLM's cards, in llama.cpp's `n_ctx`, which one request may have.

    Earlier ones of llama.cpp tell only what the model was trained with, and `transformers serve`
    nothing: it names the model's folder (`root`), and reads as much as that says.
    """
    meta = card.get("meta") or {}
    stated = card.get("max_model_len") or meta.get("n_ctx") or meta.get("n_ctx_train")
    if not stated:
        with suppress(OSError, ValueError, TypeError, LookupError):
            config = json.loads((Path(root) / "config.json").read_text(encoding="utf-8"))
            stated = config["max_position_embeddings"]
    if type(stated) is int and stated > 0:
        return stated
    log.warning(
        "The server does not say how many tokens its model reads; %d are assumed. "
        "Say --context-length.", _UNKNOWN_CONTEXT,
    )  # fmt: skip
    return _UNKNOWN_CONTEXT
