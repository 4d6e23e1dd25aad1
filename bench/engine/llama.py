"""Measures llama.cpp's server with the rows of `bench.engine.real`, over its own HTTP API."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx

from bench.engine.sides import Ids

STARTS_WITHIN_S = 120
CONTEXT = 640
"""Tokens that a slot has room for: the longest prompt here and its answer."""


class LlamaServer:
    """A running server of llama.cpp."""

    def __init__(self, url: str, pid: int | None = None):
        """Takes the process that serves there, if it is ours."""
        self._client = httpx.Client(base_url=url.rstrip("/"), timeout=600)
        self._pid = pid

    def cpu_s(self) -> float | None:
        """Returns the processor time that it has used; None where that is not known."""
        stat = Path(f"/proc/{self._pid}/stat")
        if self._pid is None or not stat.is_file():
            return None
        fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def write(self, prompts: Sequence[Ids], n_new: int) -> float:
        """Has all prompts answered at once with so many tokens each; returns the seconds.

        The server has to have a slot for each. Raises `RuntimeError` when it wrote fewer.
        """
        started = perf_counter()
        with ThreadPoolExecutor(len(prompts)) as threads:
            found = list(
                threads.map(
                    lambda seed: self._answer(seed, prompts[seed], n_new), range(len(prompts))
                )
            )
        elapsed = perf_counter() - started
        for prompt, answer in zip(prompts, found, strict=True):
            written, read = answer["tokens_predicted"], answer["tokens_evaluated"]
            if (written, read) != (n_new, len(prompt)):
                raise RuntimeError(
                    f"llama.cpp's server read {read} tokens and wrote {written}, instead of "
                    f"{len(prompt)} and {n_new}. Give it a context of {CONTEXT} for each slot."
                )
        return elapsed

    def close(self) -> None:
        self._client.close()

    def _answer(self, seed: int, prompt: Ids, n_new: int) -> dict[str, Any]:
        body = {"prompt": list(prompt), "n_predict": n_new, "cache_prompt": False}
        body |= {"ignore_eos": True, "temperature": 0.8, "top_p": 0.95, "top_k": 0, "min_p": 0.0}
        answer = self._client.post("/completion", json=body | {"seed": seed}).raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


@contextmanager
def open_llama(server: str, gguf: str, n_threads: int, n_slots: int) -> Iterator[LlamaServer]:
    """Opens the server at a URL, or starts the program `server` with a GGUF file and ends it.

    Libraries that lie beside the program are found.

    Raises `RuntimeError` when it does not start.
    """
    if server.startswith(("http://", "https://")):
        opened = LlamaServer(server)
        try:
            yield opened
        finally:
            opened.close()
        return
    if not Path(gguf).is_file():
        raise RuntimeError("--llama-server PATH needs --gguf FILE, the file that it serves.")
    port = _free_port()
    command = [server, "--model", gguf, "--host", "127.0.0.1", "--port", str(port)]
    command += ["--threads", str(n_threads), "--parallel", str(n_slots)]
    command += ["--ctx-size", str(CONTEXT * n_slots)]
    beside = str(Path(server).resolve().parent)
    libraries = os.pathsep.join(filter(None, [beside, os.environ.get("LD_LIBRARY_PATH")]))
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"LD_LIBRARY_PATH": libraries},
    )
    opened = LlamaServer(f"http://127.0.0.1:{port}", process.pid)
    try:
        _wait(process, port)
        yield opened
    finally:
        opened.close()
        process.terminate()
        process.wait()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"llama.cpp's server ended with {process.returncode} at its start.")
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"llama.cpp's server was not ready within {STARTS_WITHIN_S} s.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
