"""The HTTP client: typed calls for OpenAI's API, plain ones for vLLM's additions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from openai import APIError, NotFoundError, OpenAI, Stream, Timeout
from openai.types.chat import ChatCompletion, ChatCompletionChunk

_AS_A_PROMPT = {"add_special": True, "parse_special": True}
"""llama.cpp's way to read a prompt of its chat."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for a server, in seconds, and how often to retry."""

    connect_s: float = 5.0
    first_token_s: float = 300.0
    """A busy server queues requests; nothing is retried after this time."""
    idle_s: float = 60.0
    """Between two tokens. A longer pause is a broken stream."""
    backoff_s: float = 0.5
    """Before the first retry, doubled before the second."""
    retries: int = 2
    """Before the first token only: afterwards a retry would be another sample."""


class Server:
    """A client of one base URL. Every method raises `openai.APIError`; see `errors.mapped`."""

    def __init__(self, base_url: str, api_key: str, timeouts: Timeouts):
        url = base_url.rstrip("/")
        self.url = url if urlsplit(url).path else f"{url}/v1"
        self._root = self.url.removesuffix("/v1")
        self._client = OpenAI(
            base_url=self.url,
            api_key=api_key or "none",
            max_retries=0,
            timeout=Timeout(timeouts.first_token_s, connect=timeouts.connect_s),
        )

    def models(self) -> dict[str, dict[str, Any]]:
        """Returns the cards of `/v1/models` by id."""
        answer = self._client.get("/models", cast_to=object, options={"timeout": 10.0})
        rows = answer.get("data", []) if isinstance(answer, dict) else []
        return {str(row["id"]): row for row in rows if isinstance(row, dict) and "id" in row}

    def chat(self, body: Mapping[str, Any]) -> ChatCompletion:
        return self._client.chat.completions.create(**_typed(body), stream=False)

    def stream_chat(self, body: Mapping[str, Any]) -> Stream[ChatCompletionChunk]:
        return self._client.chat.completions.create(
            **_typed(body), stream=True, stream_options={"include_usage": True}
        )

    def count_tokens(self, body: Mapping[str, Any]) -> int | None:
        """Counts with `/tokenize`, of vLLM or of llama.cpp, whose own fills no template; returns
        None where a server has no such route."""
        try:
            answer = self._ask_root("tokenize", body)
            if "tokens" in answer and "count" not in answer:
                filled = {"content": self._ask_root("apply-template", body)["prompt"]}
                answer = self._ask_root("tokenize", filled | _AS_A_PROMPT)
                return len(answer["tokens"])
        except (NotFoundError, KeyError):
            return None
        count = answer.get("count")
        return count if isinstance(count, int) else None

    def load_adapter(self, name: str, path: str) -> None:
        body = {"lora_name": name, "lora_path": path}
        self._client.post("/load_lora_adapter", body=body, cast_to=str)

    def unload_adapter(self, name: str) -> None:
        self._client.post("/unload_lora_adapter", body={"lora_name": name}, cast_to=str)

    def has_adapter_endpoints(self) -> bool:
        """Returns whether the routes exist: a server that has them refuses an empty request."""
        try:
            self._client.post("/load_lora_adapter", body={}, cast_to=str)
        except APIError as error:
            return getattr(error, "status_code", None) in (400, 422)
        return False  # a server that accepts an empty request ignores it

    def _ask_root(self, route: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Returns what a route beside `/v1` answers, {} for what is no object."""
        answer = self._client.post(
            f"{self._root}/{route}", body=dict(body), cast_to=object, options={"timeout": 10.0}
        )
        return answer if isinstance(answer, dict) else {}

    def close(self) -> None:
        self._client.close()


_TYPED = {
    "model",
    "messages",
    "n",
    "temperature",
    "top_p",
    "max_tokens",
    "seed",
    "logprobs",
    "stop",
}


def _typed(body: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the client's arguments; what is not part of OpenAI's API goes in `extra_body`."""
    extra = {name: value for name, value in body.items() if name not in _TYPED}
    return {name: value for name, value in body.items() if name in _TYPED} | {"extra_body": extra}
