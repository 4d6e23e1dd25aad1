"""Adapter versions on a server that runs elsewhere: loaded once, found again after its restart."""

import hashlib
import logging
import threading
from pathlib import Path

from openai import APIConnectionError, APIError, RateLimitError

from ptrapp.core.errors import AdapterRejected, AdaptersUnsupported, EngineUnavailable
from ptrapp.core.types import Policy
from ptrapp.engines.pins import Pins
from ptrapp.engines.remote.errors import mapped, said
from ptrapp.engines.remote.probe import Capabilities
from ptrapp.engines.remote.server import Server

log = logging.getLogger(__name__)

_FILES = ("adapter_config.json", "adapter_model.safetensors")


class ServerAdapters:
    """Which versions the server has been given, under which names."""

    def __init__(self, server: Server, base: str, capabilities: Capabilities):
        self.pins = Pins(self._unload)
        self._server = server
        self._base = base
        self._capabilities = capabilities
        self._lock = threading.Lock()
        """Held while versions are published again; requests in the meantime wait for it."""
        self._live: dict[str, tuple[str, Path]] = {}
        """By version: its name on the server, and its folder."""

    def publish(self, name: str, path: Path) -> None:
        """Load the folder and answer one token.

        Raises `AdapterRejected`, `AdaptersUnsupported` and `EngineUnavailable`.
        """
        with self.pins.publishing(name, path) as must_load:
            if must_load:
                served = f"{name}-{_digest(name, path)}"
                self._check_server()
                self._load(name, served, path)
                try:
                    self._answer_one(name, served)
                except (AdapterRejected, EngineUnavailable):
                    self._forget(served)
                    raise
                with self._lock:
                    self._live[name] = (served, path)

    def model_of(self, policy: Policy) -> str:
        """The server's name for a policy."""
        if policy.adapter is None:
            return self._base
        with self._lock:
            served, _ = self._live.get(policy.adapter, (policy.adapter, None))
            return served

    def publish_again(self) -> None:
        """Load what the server has lost, once however many requests found it missing.

        Raises `EngineUnavailable`.
        """
        with self._lock:
            try:
                there = self._server.models()
            except APIError as error:
                raise mapped(error, self._server.url) from error
            for name, (served, path) in self._live.items():
                if served not in there:
                    log.warning("%s is published again: the server was restarted", name)
                    self._load_or_tell(name, served, path)

    def _check_server(self) -> None:
        if not self._capabilities.adapters:
            raise self._takes_none()
        if not self._capabilities.refuses_unknown_models:
            raise AdaptersUnsupported(
                f"The server at {self._server.url} answers for any model name, so nobody could "
                "tell a version from the base model. Use vLLM, or serve with --engine local."
            )

    def _takes_none(self) -> AdaptersUnsupported:
        return AdaptersUnsupported(
            f"The server at {self._server.url} takes no adapters. Start vLLM with "
            "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True and --enable-lora (make vllm does) and then the "
            "app again, or serve with --engine local."
        )

    def _load(self, name: str, served: str, path: Path) -> None:
        try:
            self._server.load_adapter(served, str(path.resolve()))
        except (APIConnectionError, RateLimitError) as error:
            raise mapped(error, self._server.url) from error
        except APIError as error:
            if self._has(served):  # it outlived an app that ended; the name says the content
                return
            if not self._server.has_adapter_endpoints():  # started again without them
                raise self._takes_none() from error
            raise AdapterRejected(
                f"The server at {self._server.url} cannot load {name}: {said(error)}. It must see "
                f"the folder {path}, and take its rank: vLLM's --max-lora-rank."
            ) from error

    def _load_or_tell(self, name: str, served: str, path: Path) -> None:
        try:
            self._load(name, served, path)
        except (AdapterRejected, AdaptersUnsupported) as error:
            log.error("%s", error)  # its requests say that it is missing

    def _answer_one(self, name: str, served: str) -> None:
        body = {
            "model": served,
            "messages": [{"role": "user", "content": "Say yes."}],
            "max_tokens": 1,
            "temperature": 0.0,
        }
        if self._capabilities.logprobs:
            body["logprobs"] = True  # NaN has no JSON: the server then fails here, and not later
        try:
            answer = self._server.chat(body)
        except (APIConnectionError, RateLimitError) as error:
            raise mapped(error, self._server.url) from error
        except APIError as error:
            raise AdapterRejected(
                f"The server at {self._server.url} loaded {name} and cannot answer with it: "
                f"{said(error)}. Train plain LoRA within the server's --max-lora-rank."
            ) from error
        if not answer.choices:
            raise AdapterRejected(f"The server at {self._server.url} answers nothing with {name}.")

    def _unload(self, name: str) -> None:
        with self._lock:
            served, _ = self._live.pop(name, (None, None))
        if served is not None:
            self._forget(served)

    def _forget(self, served: str) -> None:
        try:
            self._server.unload_adapter(served)
        except APIError as error:
            log.warning("%s stays loaded until the server's restart: %s", served, said(error))

    def _has(self, served: str) -> bool:
        try:
            return served in self._server.models()
        except APIError:
            return False


def _digest(name: str, path: Path) -> str:
    """What the folder holds, in eight characters.

    A server keeps names and cached prefixes longer than an app lives (vllm#42125): a name that
    says its content can never stand for another one, whichever data folder it came from.
    """
    whole = hashlib.sha256()
    for file in _FILES:
        try:
            whole.update((path / file).read_bytes())
        except OSError as error:
            raise AdapterRejected(
                f"The adapter {name} cannot be read: {path / file} ({error.strerror}). "
                "Give the folder that training wrote."
            ) from error
    return whole.hexdigest()[:8]
