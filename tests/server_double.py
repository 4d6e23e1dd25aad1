"""An OpenAI-compatible server with every misbehaviour seen in real ones, each behind a switch.

Its tokens are words, its model writes TINY's format, and what it writes depends on model, messages
and seed alone. Like vLLM it loads adapters while it runs, counts tokens and tells their ids.
"""

import json
import random
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

from ptrapp.core.settings import BUNDLED_MODEL

CONTEXT = 1024
EOS = 1
NO_TEMPLATE = (
    "As of transformers v4.44, default chat template is no longer allowed, so you must provide a "
    "chat template if the tokenizer does not define one."
)
"""vLLM's words."""
TEMPLATE_TOKENS = 2
"""Around each message, and for the start of an answer."""


@dataclass
class Double:
    """The switches may be set while it runs. A number counts the requests that still misbehave."""

    ignores_n: bool = False
    ignores_seed: bool = False
    is_greedy: bool = False
    """Seed and temperature change nothing."""
    prefills: bool = True
    echoes_prefill: bool = False
    is_llama_cpp: bool = False
    """It goes on with any answer that stands last, whose text comes back in an answer that is not
    streamed; knows no ids and no adapters, and counts the tokens of text alone."""
    thoughts_in: str = ""
    """`reasoning` or `reasoning_content`; empty leaves them in the text."""
    gives_token_ids: bool = True
    gives_logprobs: bool = True
    tokenizes: bool = True
    knows_adapters: bool = True
    refuses_adapters: bool = False
    accepts_any_model: bool = False
    takes_extras: bool = True
    priorities: Literal["obeyed", "refused", "ignored"] = "obeyed"
    """Without support, servers that read priorities refuse any but 0, and others ignore them."""
    has_template: bool = True
    takes_system: bool = True
    """Gemma's template refuses a system message, in the words of its own exception."""
    key: str = ""
    overloaded: int = 0
    fails: int = 0
    interrupts: int = 0
    """Streams that end in an error message without a status."""
    tears: int = 0
    """Streams that just end."""
    hangs: int = 0
    """Streams that fall silent after two words."""
    mute: int = 0
    """Requests that are read and never answered."""
    empty: int = 0
    """Answers that end at once."""
    word_s: float = 0.002
    adapters: dict[str, str] = field(default_factory=dict)
    loads: list[str] = field(default_factory=list)
    """Every load that succeeded, in order."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    """Every chat request since the last `forget`."""
    n_cancelled: int = 0
    port: int = 0

    def __post_init__(self) -> None:
        self._count = threading.Lock()
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        double = self

        class Handler(_Handler):
            server_double = double

        self._server = _Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """As a killed process: nobody listens, streams are torn, adapters are forgotten."""
        self._server.running = False
        self._server.shutdown()
        self._server.server_close()
        self.adapters.clear()

    def restart(self) -> None:
        self.stop()
        self.start()

    def forget(self) -> None:
        self.asked.clear()
        self.loads.clear()

    def spend(self, switch: str) -> bool:
        """Whether this request misbehaves so."""
        with self._count:
            left = getattr(self, switch)
            setattr(self, switch, max(0, left - 1))
            return left > 0


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256
    running = True


class _Handler(BaseHTTPRequestHandler):
    server_double: Double
    server: _Server

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        if self.path != "/v1/models":
            return self._refuse(404, "Not Found")
        double = self.server_double
        rows = [{"id": "base", "root": str(BUNDLED_MODEL), "max_model_len": CONTEXT}]
        if double.is_llama_cpp:
            rows = [{"id": "/m/x.gguf", "meta": {"n_ctx_train": 8 * CONTEXT, "n_ctx": CONTEXT}}]
        rows += [{"id": n, "root": p, "parent": "base"} for n, p in list(double.adapters.items())]
        return self._send({"object": "list", "data": rows})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        double = self.server_double
        if double.key and self.headers["Authorization"] != f"Bearer {double.key}":
            return self._refuse(401, "Unauthorized")
        match self.path:
            case "/v1/chat/completions":
                with suppress(BrokenPipeError, ConnectionResetError):
                    self._chat(body)
            case "/apply-template" if double.is_llama_cpp:
                self._send({"prompt": "word " * _count(body)})
            case "/tokenize" if double.is_llama_cpp:
                self._send({"tokens": [7] * len(body.get("content", "").split())})
            case "/tokenize" if double.tokenizes:
                self._send({"count": _count(body), "max_model_len": CONTEXT})
            case "/v1/load_lora_adapter" if double.knows_adapters and not double.is_llama_cpp:
                self._load(body)
            case "/v1/unload_lora_adapter" if double.knows_adapters:
                double.adapters.pop(body["lora_name"], None)
                self._send("unloaded")
            case _:
                self._refuse(404, "Not Found")

    def _load(self, body: dict[str, Any]) -> None:
        double = self.server_double
        if "lora_name" not in body:
            return self._refuse(400, "Field required: body.lora_name")
        name, path = body["lora_name"], body["lora_path"]
        if double.refuses_adapters:
            return self._refuse(500, "LoRA rank 64 is greater than max_lora_rank 16.")
        if name in double.adapters:
            return self._refuse(400, f"The lora adapter '{name}' has already been loaded.")
        if not (Path(path) / "adapter_config.json").is_file():
            return self._refuse(404, f"Loading lora {name} failed: No adapter found for {path}")
        double.adapters[name] = path
        double.loads.append(name)
        return self._send(f"Success: LoRA adapter '{name}' added successfully.")

    def _chat(self, body: dict[str, Any]) -> None:
        double = self.server_double
        double.asked.append(body)
        known = {"base", *double.adapters}
        extras = body.keys() - set(_OPENAI)
        n_prompt = _count(body) if double.prefills else _count(_without_flags(body))
        if double.is_llama_cpp:
            body = {name: body[name] for name in body if name != "return_token_ids"}
            last = body["messages"][-1]["role"]
            n_prompt = _count(body | {"continue_final_message": last == "assistant"})
        if double.spend("mute"):
            while self.server.running:
                time.sleep(0.02)
        elif double.spend("overloaded"):
            self._refuse(429, "Too many requests")
        elif double.spend("fails"):
            self._refuse(500, "EngineCore encountered an issue.")
        elif not double.has_template:
            self._refuse(400, NO_TEMPLATE)
        elif (refusal := _refusal_of_priority(double.priorities, body)) is not None:
            self._refuse(400, refusal)
        elif body["messages"][0]["role"] == "system" and not double.takes_system:
            self._refuse(400, "System role not supported")
        elif double.is_llama_cpp and _thinks_and_begins(body):
            self._refuse(400, "Assistant response prefill is incompatible with enable_thinking.")
        elif extras and not double.takes_extras:
            self._refuse(400, f"Unrecognized request arguments: {sorted(extras)}")
        elif body["model"] not in known and not (double.accepts_any_model or double.is_llama_cpp):
            self._refuse(404, f"The model `{body['model']}` does not exist.")
        elif n_prompt + body.get("max_tokens", 1) > CONTEXT:
            self._refuse(400, f"This model's maximum context length is {CONTEXT} tokens.")
        elif body.get("stream"):
            self._stream(body, n_prompt)
        else:
            self._answer(body, n_prompt)

    def _answer(self, body: dict[str, Any], n_prompt: int) -> None:
        double = self.server_double
        n = 1 if double.ignores_n else body.get("n", 1)
        choices = []
        for index in range(n):
            parts = list(self._parts(body, index))
            last = body["messages"][-1]
            echoes = double.is_llama_cpp and last["role"] == "assistant"
            message = {"role": "assistant", "content": last["content"] if echoes else ""}
            for name, text, _ in parts[: body["max_tokens"]] if echoes else parts:
                message[name] = message.get(name, "") + text
            choice = {"index": index, "message": message, "finish_reason": "stop"}
            choices.append(choice | self._extras(body, [id_ for _, _, id_ in parts]))
        usage = {"prompt_tokens": n_prompt, "completion_tokens": 3, "total_tokens": n_prompt + 3}
        self._send(
            {
                "id": "x",
                "object": "chat.completion",
                "created": 0,
                "model": "base",
                "choices": choices,
                "usage": usage,
            }
        )

    def _stream(self, body: dict[str, Any], n_prompt: int) -> None:
        double = self.server_double
        flaws = {name: double.spend(name) for name in ("interrupts", "tears", "hangs")}
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self._event({"delta": {"role": "assistant", "content": ""}})
        parts = list(self._parts(body, 0))[-1 if double.spend("empty") else 0 :]
        parts, stopped_by = _until(body.get("stop") or [], parts)
        cut = parts[: body["max_tokens"]]
        try:
            for number, (name, text, id_) in enumerate(cut):
                time.sleep(double.word_s)
                if not self.server.running:
                    return
                if number == 2 and flaws["hangs"]:
                    while self.server.running:
                        time.sleep(0.02)
                        self._write(b": keep-alive\n\n")
                if number == 2 and (flaws["interrupts"] or flaws["tears"]):
                    if flaws["interrupts"]:
                        self._write(b'data: {"error": {"message": "EngineCore is gone"}}\n\n')
                    return
                delta = {"content": "", name: text}
                self._event({"delta": delta} | self._extras(body, [id_]))
        except (BrokenPipeError, ConnectionResetError):
            double.n_cancelled += 1
            return
        reason = "stop" if len(cut) == len(parts) else "length"
        stop_reason = stopped_by if reason == "stop" else None
        self._event({"delta": {}, "finish_reason": reason, "stop_reason": stop_reason})
        n_tokens = len(cut)
        usage = {
            "prompt_tokens": n_prompt,
            "completion_tokens": n_tokens,
            "total_tokens": n_prompt + n_tokens,
        }
        self._event(None, usage)
        self._write(b"data: [DONE]\n\n")

    def _parts(self, body: dict[str, Any], index: int) -> Iterator[tuple[str, str, int]]:
        """Field, text and id of every token, the end of turn included."""
        double = self.server_double
        last = body["messages"][-1]
        begun = last["content"] if last["role"] == "assistant" else ""
        switch = body.get("chat_template_kwargs", {}).get("enable_thinking", True)
        thinking = switch if not (begun and double.prefills) else begun == "<T>"
        for word in begun.split() if begun and double.echoes_prefill else ():
            yield "content", word, zlib.crc32(word.encode()) % 700 + 2
        drawn = bool(body.get("temperature")) and not double.is_greedy
        seed = (body.get("seed", 0) + index) * drawn
        field = double.thoughts_in if thinking and double.thoughts_in else "content"
        for word in _words(body, None if double.ignores_seed else seed, thinking):
            id_ = zlib.crc32(word.encode()) % 700 + 2
            parsed = word == "<R>" and field != "content"
            field = "content" if word == "<R>" else field
            yield field, "" if parsed else word, id_
        yield "content", "", EOS

    def _extras(self, body: dict[str, Any], ids: list[int]) -> dict[str, Any]:
        double, extras = self.server_double, {}
        if double.gives_token_ids and body.get("return_token_ids"):
            extras["token_ids"] = ids
        if double.gives_logprobs and body.get("logprobs"):
            rows = [
                {"token": str(id_), "logprob": -0.5, "bytes": None, "top_logprobs": []}
                for id_ in ids
            ]
            extras["logprobs"] = {"content": rows}
        return extras

    def _event(self, choice: dict[str, Any] | None, usage: dict[str, int] | None = None) -> None:
        choices = [] if choice is None else [{"index": 0, "finish_reason": None} | choice]
        chunk = {
            "id": "x",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": "base",
            "choices": choices,
            "usage": usage,
        }
        self._write(f"data: {json.dumps(chunk)}\n\n".encode())

    def _write(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()

    def _refuse(self, status: int, message: str) -> None:
        self._send({"error": {"message": message, "code": status}}, status)

    def _send(self, answer: Any, status: int = 200) -> None:
        text = answer if isinstance(answer, str) else json.dumps(answer)
        self.send_response(status)
        self.send_header(
            "Content-Type", "text/plain" if isinstance(answer, str) else "application/json"
        )
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())


_OPENAI = (
    "model", "messages", "n", "stream", "stream_options", "temperature", "top_p", "max_tokens", "seed", "logprobs", "stop",
)  # fmt: skip
_VOCABULARY = ["two", "and", "four", "is", "more", "then", "take", "the", "pens", "left", "so"]


def _words(body: dict[str, Any], seed: int | None, thinking: bool) -> list[str]:
    query = next(row["content"] for row in reversed(body["messages"]) if row["role"] == "user")
    draw = random.Random(None if seed is None else f"{body['model']}|{body['messages']}|{seed}")
    n_words = 400 if "long" in query else draw.randint(6, 12)
    thought = [f" {draw.choice(_VOCABULARY)}" for _ in range(n_words)]
    answer = [" The", " answer", " is", f" {draw.randint(1, 99)}", "."]
    return [*thought, "<R>", *answer] if thinking else answer


def _thinks_and_begins(body: dict[str, Any]) -> bool:
    """Whether older servers of llama.cpp refuse it, whatever the template does with the switch."""
    switched = body.get("chat_template_kwargs", {}).get("enable_thinking")
    return bool(switched) and body["messages"][-1]["role"] == "assistant"


def _refusal_of_priority(policy: str, body: dict[str, Any]) -> str | None:
    """What vLLM says of a priority; nothing when it is taken."""
    priority = body.get("priority", 0)
    if policy == "ignored":
        return None
    if not isinstance(priority, int):
        return "Input should be a valid integer, unable to parse string as an integer"
    if priority and policy == "refused":
        return f"Got priority {priority} but Priority scheduling is not enabled."
    return None


def _until(
    stop: list[str], parts: list[tuple[str, str, int]]
) -> tuple[list[tuple[str, str, int]], str | None]:
    """The tokens up to the one that completes a stop string, none of its text shown; and the string.

    As in vLLM the ids come all the same, and of several strings the first in the list counts.
    """
    text = ""
    for n_parts, (_, new, _) in enumerate(parts, start=1):
        text += new
        if (found := next((one for one in stop if one in text), None)) is not None:
            kept, left = [], text.index(found)
            for name, of_token, id_ in parts[:n_parts]:
                kept.append((name, of_token[:left], id_))
                left = max(0, left - len(of_token))
            return kept, found
    return parts, None


def _count(body: dict[str, Any]) -> int:
    words = sum(len(row["content"].split()) + TEMPLATE_TOKENS for row in body["messages"])
    return words + (0 if body.get("continue_final_message") else TEMPLATE_TOKENS)


def _without_flags(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "continue_final_message"}
