"""Measures the embedded engine beside a running vLLM server of the same model, over plain HTTP."""

from statistics import median
from time import perf_counter
from typing import Any

import httpx
from transformers import PreTrainedModel

from bench.engine.sides import Ids, Ours


def on_vllm(
    url: str, model: PreTrainedModel, prompt: Ids, k: int, n_new: int, n_turns: int
) -> dict[str, Any]:
    """Returns tokens a second (wall) of K candidates; the server ignores the end of turn.

    The ratio is that of a turn, the median of the turns: both sides of a turn have the same load.
    """
    engine = Ours(model, 0, context_length=2048)
    speeds: dict[str, list[float]] = {"ours": [], "vllm": []}
    with httpx.Client(base_url=url.rstrip("/") + "/", timeout=600) as client:
        served = client.get("models").raise_for_status().json()["data"][0]["id"]
        for turn in range(n_turns + 1):
            started = perf_counter()
            engine.clear_cache()
            engine.write([prompt] * k, [n_new] * k)
            middle = perf_counter()
            body = {"model": served, "prompt": list(prompt), "n": k, "max_tokens": n_new}
            body |= {"temperature": 0.8, "top_p": 0.95, "seed": turn, "ignore_eos": True}
            answer = client.post("completions", json=body).raise_for_status().json()
            ended = perf_counter()
            if turn:  # the first one warms up
                speeds["ours"].append(k * n_new / (middle - started))
                speeds["vllm"].append(answer["usage"]["completion_tokens"] / (ended - middle))
    engine.model_thread.close()
    found: dict[str, Any] = {f"{name}_tok_per_s": median(each) for name, each in speeds.items()}
    ratios = [ours / vllm for ours, vllm in zip(speeds["ours"], speeds["vllm"], strict=True)]
    return found | {
        "ours_over_vllm": median(ratios), "ours_over_vllm_range": [min(ratios), max(ratios)]
    }  # fmt: skip
