"""How fast the embedded engine writes K candidates, beside the two ways `generate` offers.

    python -m bench.engine [--model PATH] [--k 8] [--rounds 3] [--max-tokens 128] [--threads 1]

The three ways take turns within one run, so that a busy machine slows all of them alike. Nothing
ends early: the end-of-turn token is forbidden to `generate` and forgotten by the engine.
"""

import argparse
import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch

from ptrapp.core.settings import BUNDLED_MODEL
from ptrapp.core.types import Completion, Message, Role, Sampling
from ptrapp.engines.base import Delta, Request, complete
from ptrapp.engines.local import LocalEngine

QUESTION = "Ann has 12 apples and buys 30 more. How many apples does she have? "


def main() -> None:
    """Print a JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", default=str(BUNDLED_MODEL))
    parser.add_argument("--k", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--questions", type=int, default=8, help="how often the question is said")
    parser.add_argument("--threads", type=int, default=1, help="of all three ways")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    engine = LocalEngine(asked.model, threads=asked.threads)
    loaded = engine._loaded
    engine._owner._loaded = type(loaded)(
        loaded.model, loaded.tokenizer, frozenset(), loaded.context_length, loaded.batched
    )
    messages = (Message(Role.USER, QUESTION * asked.questions),)
    requests = [
        Request(messages, True, Sampling(max_tokens=asked.max_tokens, seed=n))
        for n in range(asked.k)
    ]
    ids = torch.tensor([engine._encode(messages, True)], device=loaded.model.device)
    ways: dict[str, Callable[[], int]] = {
        "engine": lambda: _by_engine(engine, requests),
        "k_generate": lambda: sum(_by_generate(loaded.model, ids, 1, asked) for _ in requests),
        "num_return_sequences": lambda: _by_generate(loaded.model, ids, asked.k, asked),
    }
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(asked.rounds + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            n_tokens = way()
            if turn:  # the first one warms up
                speeds[name].append(n_tokens / (time.perf_counter() - started))
    firsts_s = [_first_token_s(engine, requests[:1]) for _ in range(5)]
    engine.close()
    report: dict[str, Any] = {f"{name}_tok_per_s": median(each) for name, each in speeds.items()}
    report["engine_over_k_generate"] = median(speeds["engine"]) / median(speeds["k_generate"])
    report["first_token_s"] = median(firsts_s)
    report |= {"k": asked.k, "n_prompt_tokens": ids.shape[1], "n_new_tokens": asked.max_tokens}
    print(json.dumps(report))


def _by_engine(engine: LocalEngine, requests: list[Request]) -> int:
    outcomes = complete(engine, requests)
    return sum(len(one.token_ids) for one in outcomes if isinstance(one, Completion))


def _by_generate(model: Any, ids: torch.Tensor, k: int, asked: argparse.Namespace) -> int:
    output = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=True,
        temperature=0.8,
        top_p=0.95,
        num_return_sequences=k,
        min_new_tokens=asked.max_tokens,
        max_new_tokens=asked.max_tokens,
    )
    return k * (int(output.shape[1]) - ids.shape[1])


def _first_token_s(engine: LocalEngine, requests: list[Request]) -> float:
    started = time.perf_counter()
    events = engine.stream(requests)
    while not isinstance(next(events), Delta):
        pass
    elapsed_s = time.perf_counter() - started
    events.close()
    return elapsed_s


if __name__ == "__main__":
    main()
