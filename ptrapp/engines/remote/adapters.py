"""Loads adapter versions on a server, and loads them again after the server's restart."""

import hashlib
import logging
import threading
from pathlib import Path

from openai import APIConnectionError, APIError, RateLimitError

from ptrapp.core.errors import AdapterRejected, AdaptersUnsupported, EngineUnavailable
from ptrapp.core.types import Policy
from ptrapp.engines.pins import Pins
from ptrapp.engines.remote.errors import mapped, server_message
from ptrapp.engines.remote.probe import Capabilities
from ptrapp.engines.remote.server import Server

log = logging.getLogger(__name__)

_FILES = ("adapter_config.json", "adapter_model.safetensors")


class ServerAdapters:
    """The versions loaded on the server, and their names there."""

    def __init__(self, server: Server, base: str, capabilities: Capabilities):
        self.pins = Pins(self._unload)
        self._server = server
        self._base = base
        self._capabilities = capabilities
        self._lock = threading.Lock()
        """Held while versions are published again, so that requests wait meanwhile."""
        self._loaded: dict[str, tuple[str, Path]] = {}
        """By version: its name on the server, and its folder."""

    def publish(self, name: str, path: Path) -> None:
        """Loads the folder and samples one token with it.

        Raises `AdapterRejected`, `AdaptersUnsupported` and `EngineUnavailable`.
        """
        with self.pins.publishing(name, path) as must_load:
            if must_load:
                served = f"{name}-{_digest(name, path)}"
                self._check_server()
                self._load(name, served, path)
                try:
                    self._sample_one(name, served)
                except (AdapterRejected, EngineUnavailable):
                    self._unload_served(served)
                    raise
                with self._lock:
                    self._loaded[name] = (served, path)

    def model_of(self, policy: Policy) -> str:
        """Returns the server's name of a policy."""
        if policy.adapter is None:
            return self._base
        with self._lock:
            served, _ = self._loaded.get(policy.adapter, (policy.adapter, None))
            return served

    def publish_again(self) -> None:
        """Loads the versions that the server has lost, once for all requests that miss them.

        Raises `EngineUnavailable`.
        """
        with self._lock:
            try:
                models = self._server.models()
            except APIError as error:
                raise mapped(error, self._server.url) from error
            for name, (served, path) in self._loaded.items():
                if served not in models:
                    log.warning("%s is published again: the server was restarted", name)
                    self._load_or_log(name, served, path)

    def _check_server(self) -> None:
        if not self._capabilities.adapters:
            raise self._no_adapters()
        if not self._capabilities.refuses_unknown_models:
            raise AdaptersUnsupported(
                f"The server at {self._server.url} answers for any model name, so nobody could "
                "tell a version from the base model. Use vLLM, or serve with --engine local."
            )

    def _no_adapters(self) -> AdaptersUnsupported:
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
            if self._has(served):  # loaded by an earlier process; its name is of its content
                return
            if not self._server.has_adapter_endpoints():  # restarted without them
                raise self._no_adapters() from error
            raise AdapterRejected(
                f"The server at {self._server.url} cannot load {name}: {server_message(error)}. It "
                f"must see the folder {path}, and take its rank: vLLM's --max-lora-rank."
            ) from error

    def _load_or_log(self, name: str, served: str, path: Path) -> None:
        try:
            self._load(name, served, path)
        except (AdapterRejected, AdaptersUnsupported) as error:
            log.error("%s", error)  # requests for this version will fail as missing

    def _sample_one(self, name: str, served: str) -> None:
        body = {
            "model": served,
            "messages": [{"role": "user", "content": "Say yes."}],
            "max_tokens": 1,
            "temperature": 0.0,
        }
        if self._capabilities.logprobs:
            body["logprobs"] = True  # JSON has no NaN: a broken adapter fails here, not later
        try:
            answer = self._server.chat(body)
        except (APIConnectionError, RateLimitError) as error:
            raise mapped(error, self._server.url) from error
        except APIError as error:
            raise AdapterRejected(
                f"The server at {self._server.url} loaded {name} and cannot answer with it: "
                f"{server_message(error)}. Train plain LoRA within the server's --max-lora-rank."
            ) from error
        if not answer.choices:
            raise AdapterRejected(f"The server at {self._server.url} answers nothing with {name}.")

    def _unload(self, name: str) -> None:
        with self._lock:
            served, _ = self._loaded.pop(name, (None, None))
        if served is not None:
            self._unload_served(served)

    def _unload_served(self, served: str) -> None:
        try:
            self._server.unload_adapter(served)
        except APIError as error:
            log.warning(
                "%s stays loaded until the server's restart: %s", served, server_message(error)
            )

    def _has(self, served: str) -> bool:
        try:
            return served in self._server.models()
        except APIError:
            return False


def _digest(name: str, path: Path) -> str:
    """Returns eight characters of the hash of the folder's content.

    A server keeps names and cached prefixes longer than an app lives (vllm#42125): a name made of
    the content never stands for other content, whichever data folder it came from.
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
