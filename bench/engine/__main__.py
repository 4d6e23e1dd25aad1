"""Measures the embedded engine's speed beside what transformers offers, on the same model.

    python -m bench.engine [--models bundled,60m] [--turns 2] [--threads 1]
    python -m bench.engine --cuda             # random Llamas of 1B and 135M in bfloat16
    python -m bench.engine --model smollm2    # or a folder: our step beside the model's forward
        --llama-server PATH --gguf FILE       # and llama.cpp's server; or the URL of a running one
    python -m bench.engine --vllm-url URL     # the bundled model, served by vLLM at URL

Prompts of 512 tokens, 128 new ones, K = 8, and three rounds of these. The sides take turns within
one run, so that a busy machine slows all alike; speeds are tokens a CPU-second (and a second), a
ratio is that of two sides within one turn, the median of the turns. `k_generate` writes two of the
K candidates and one of the K trajectories: its speed does not depend on K.
"""

import argparse
import json
import os
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from bench.engine.cuda import on_cuda
from bench.engine.llama import open_llama
from bench.engine.real import ROWS, on_real
from bench.engine.sides import (
    Continuous,
    Ids,
    Ours,
    Spent,
    by_generate,
    measure,
    rounds_by_generate,
)
from bench.engine.vllm import on_vllm
from ptrapp.core.settings import BUNDLED_MODEL, Settings
from ptrapp.models.finding import find_model

K, N_PROMPT, N_NEW, N_ROUNDS = 8, 512, 128, 3
PEOPLE = (1, 8, 32)
LENGTHS = tuple(range(N_NEW // K, N_NEW + 1, N_NEW // K))
"""Lengths of K candidates that end at different times: 16, 32, … 128."""
ONCE = {"rounds_without_reuse"}
"""Slow sides that only explain a ratio: they run in the first turn alone."""
RATIOS = {
    "candidates_over_k_generate": ("candidates", "k_generate"),
    "candidates_over_num_return_sequences": ("candidates", "num_return_sequences"),
    "candidates_over_continuous_batching": ("candidates", "continuous_batching"),
    "rounds_over_generate_from_scratch": ("rounds", "rounds_generate"),
    "rounds_over_rounds_without_reuse": ("rounds", "rounds_without_reuse"),
    "leaving_over_staying": ("leaving", "staying"),
}


def main() -> None:
    """Prints a JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--models", default="bundled,60m")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cuda", action="store_true")
    parser.add_argument("--device", default="cuda", help="of --cuda: cpu runs the same eagerly")
    parser.add_argument("--tiny", action="store_true", help="of --cuda: sizes for a test")
    parser.add_argument("--model", default="", help="smollm2 or a folder, measured on the CPU")
    parser.add_argument("--weights", default="auto", help="of --model: the form of our weights")
    parser.add_argument("--llama-server", default="", help="of --model: its program, or a URL")
    parser.add_argument("--gguf", default="", help="of --llama-server: the file that it serves")
    parser.add_argument("--vllm-url", help="of a server with the bundled model, e.g. …:8101/v1")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    report: dict[str, Any] = {
        "k": K,
        "n_prompt": N_PROMPT,
        "n_new": N_NEW,
        "threads": asked.threads,
    }
    report |= {"turns": asked.turns, "load": os.getloadavg()[0]}
    if asked.cuda:
        report["cuda"] = on_cuda(asked.device, tiny=asked.tiny)
    elif asked.model:
        settings = find_model(Settings(model=asked.model), lambda *progress: None)
        real = (settings.model_path, asked.weights, asked.threads, asked.turns)
        if asked.llama_server:
            server = (asked.llama_server, asked.gguf or asked.model, asked.threads, max(ROWS))
            with open_llama(*server) as llama:
                report |= on_real(*real, llama=llama)
        else:
            report |= on_real(*real)
    elif asked.vllm_url:
        report["vllm"] = on_vllm(asked.vllm_url, _bundled(), _prompt(768), K, N_NEW, asked.turns)
    else:
        for name in asked.models.split(","):
            model = _bundled() if name == "bundled" else _random_60m()
            report[name] = _compare(model, asked.turns, asked.threads)
    print(json.dumps(report))


def _compare(model: PreTrainedModel, n_turns: int, n_threads: int) -> dict[str, Any]:
    """Runs the sides in turns."""
    prompt = _prompt(model.config.vocab_size)
    ours = Ours(model, n_threads, context_length=2048)
    sides = _sides(ours, model, prompt)
    problems: dict[str, str] = {}
    by_generate(model, prompt, 4)  # warms up
    ours.write([prompt] * K, [4] * K)
    turns: list[dict[str, Spent]] = []
    for _ in range(n_turns):
        turn = {}
        for name, side in sides.items():
            if turns and name in ONCE:
                continue
            ours.clear_cache(reuse=name != "rounds_without_reuse")
            try:
                turn[name] = measure(side)
            except (RuntimeError, ValueError, AttributeError, TypeError) as error:
                problems[name] = f"{type(error).__name__}: {error}"[:200]
        turns.append(turn)
        sides = {name: side for name, side in sides.items() if name not in problems}
    firsts = {n: _first_tokens(ours, n, model.config.vocab_size) for n in PEOPLE}
    ours.model_thread.close()
    return {
        "parameters": model.num_parameters(),
        "tok_per_cpu_s": {name: _median(turns, name, _per_cpu_s) for name in sides},
        "tok_per_s": {name: _median(turns, name, _per_s) for name in sides},
        "peak_mb": {name: _median(turns, name, lambda spent: spent.peak_mb or 0) for name in sides},
        **_ratios(turns, sides),
        "first_token_s": firsts,
        "did_not_run": problems,
    }


def _sides(ours: Ours, model: PreTrainedModel, prompt: Ids) -> dict[str, Callable[[], int]]:
    """Returns what each side does in a turn, and that it returns the number of wanted tokens."""
    continuous = Continuous(model)

    def written(lengths: list[int]) -> int:
        ours.write([prompt] * K, lengths)
        return sum(lengths)

    def staying() -> int:
        ours.write([prompt] * K, [N_NEW] * K)
        return sum(LENGTHS)

    return {
        "candidates": lambda: written([N_NEW] * K),
        "k_generate": lambda: sum(by_generate(model, prompt, N_NEW).numel() for _ in range(2)),
        "num_return_sequences": lambda: by_generate(model, prompt, N_NEW, K).numel(),
        "continuous_batching": lambda: continuous.write(prompt, N_NEW, K),
        "leaving": lambda: written(list(LENGTHS)),
        "staying": staying,
        "rounds": lambda: ours.rounds(prompt, K, N_ROUNDS, N_NEW),
        "rounds_without_reuse": lambda: ours.rounds(prompt, K, N_ROUNDS, N_NEW),
        "rounds_generate": lambda: rounds_by_generate(model, prompt, N_ROUNDS, N_NEW),
    }


def _first_tokens(ours: Ours, n_people: int, n_vocabulary: int) -> dict[str, float]:
    """Measures the first tokens of so many people, each with their own prompt, asking at once."""
    ours.clear_cache()
    waits = ours.first_tokens_s([_prompt(n_vocabulary, seed) for seed in range(n_people)])
    return {"first": min(waits), "median": median(waits), "last": max(waits)}


def _ratios(turns: list[dict[str, Spent]], ran: dict[str, Any]) -> dict[str, float]:
    return {
        name: median(
            _per_cpu_s(turn[one]) / _per_cpu_s(turn[other])
            for turn in turns
            if {one, other} <= turn.keys()
        )
        for name, (one, other) in RATIOS.items()
        if one in ran and other in ran
    }


def _median(turns: list[dict[str, Spent]], name: str, value: Callable[[Spent], float]) -> float:
    return round(median(value(turn[name]) for turn in turns if name in turn), 1)


def _per_cpu_s(spent: Spent) -> float:
    return spent.n_tokens / spent.cpu_s


def _per_s(spent: Spent) -> float:
    return spent.n_tokens / spent.wall_s


def _prompt(n_vocabulary: int, seed: int = 0) -> Ids:
    draw = torch.Generator().manual_seed(seed)
    return tuple(torch.randint(200, n_vocabulary - 10, (N_PROMPT,), generator=draw).tolist())


def _bundled() -> PreTrainedModel:
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(BUNDLED_MODEL)
    model.generation_config.eos_token_id = None  # no side ends before its limit
    return model.eval().requires_grad_(False)


def _random_60m() -> PreTrainedModel:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=32_000,
        hidden_size=512,
        intermediate_size=1408,
        num_hidden_layers=8,
        num_attention_heads=8,
        num_key_value_heads=8,
        max_position_embeddings=2048,
        bos_token_id=None,
        eos_token_id=None,
    )
    return LlamaForCausalLM(config).eval().requires_grad_(False)


if __name__ == "__main__":
    main()
