"""What the shipped model can do: `python -m bench.bundled` prints one JSON object, last.

Problems come from the evaluation side of the split, which training never drew from. Accuracy is
the verifier's, on responses alone; a completion that is not well formed counts as wrong.
"""

import argparse
import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from ptrapp.core.dialogue import REFINE_INSTRUCTION
from ptrapp.tasks.check import is_correct
from ptrapp.tasks.families import FAMILIES, HELD_OUT, problems
from ptrapp.tasks.problem import Problem
from training.bundled.generate import Completion, complete
from training.bundled.styles import OPENINGS
from training.bundled.tokenizer import THOUGHT

logger = logging.getLogger("bench.bundled")

SHIPPED = Path(__file__).parents[1] / "ptrapp" / "assets" / "model"


def measure(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, n: int, seed: int
) -> dict[str, Any]:
    """Measures accuracy in percent on `n` problems of known families and `n` of held-out ones."""
    known = problems(n, split="eval", seed=seed, families=sorted(set(FAMILIES) - HELD_OUT))
    new = problems(n, split="eval", seed=seed, families=sorted(HELD_OUT))
    torch.manual_seed(seed)
    began = time.monotonic()
    thought = rounds(model, tokenizer, known, (True, True, True))
    seconds = time.monotonic() - began
    direct = rounds(model, tokenizer, known, (False, True, True))
    sampled = rounds(model, tokenizer, known, (True,), temperature=0.8)[0]
    every = [completion for r in thought + direct for completion in r] + sampled
    return {
        "n": n,
        "seed": seed,
        "thinking_greedy": accuracy(known, thought[0]),
        "thinking_sampled_t0.8": accuracy(known, sampled),
        "direct_greedy": accuracy(known, direct[0]),
        "reasked_after_thinking": [accuracy(known, r) for r in thought],
        "reasked_after_direct": [accuracy(known, r) for r in direct],
        "held_out_thinking_greedy": accuracy(new, rounds(model, tokenizer, new, (True,))[0]),
        "held_out_direct_greedy": accuracy(new, rounds(model, tokenizer, new, (False,))[0]),
        "by_style_sampled_t1": by_style(model, tokenizer, known),
        "by_family": _by_family(known, thought[0]),
        "by_family_direct": _by_family(known, direct[0]),
        "well_formed": _percent([completion.well_formed for completion in every]),
        "tokens_per_s": round(sum(c.n_tokens for r in thought for c in r) / seconds),
    }


def rounds(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    asked: Sequence[Problem],
    modes: Sequence[bool],
    *,
    temperature: float = 0.0,
) -> list[list[Completion]]:
    """Asks, then asks again with everything before in view; a mode per round, True for thinking."""
    conversations = [[{"role": "user", "content": problem.text}] for problem in asked]
    done: list[list[Completion]] = []
    for thinking in modes:
        drawn = complete(
            model, tokenizer, conversations, thinking=thinking, temperature=temperature
        )
        done.append([one for (one,) in drawn])
        for messages, completion in zip(conversations, done[-1], strict=True):
            messages.append({"role": "assistant", "content": completion.text})
            messages.append({"role": "user", "content": REFINE_INSTRUCTION})
    return done


def by_style(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, asked: Sequence[Problem]
) -> dict[str, dict[str, float]]:
    """How often sampled thoughts are in each style, and how often those end in a right answer."""
    drawn = rounds(model, tokenizer, asked, (True,), temperature=1.0)[0]
    found: dict[str, dict[str, float]] = {}
    for style, openings in OPENINGS.items():
        own = [
            (problem, one)
            for problem, one in zip(asked, drawn, strict=True)
            if one.text.removeprefix(THOUGHT).lstrip().startswith(openings)
        ]
        if own:
            right = accuracy([problem for problem, _ in own], [one for _, one in own])
            found[style] = {"share": round(100 * len(own) / len(asked), 1), "accuracy": right}
    return found


def accuracy(asked: Sequence[Problem], completions: Sequence[Completion]) -> float:
    """The percentage of right responses."""
    return _percent(
        [is_correct(c.response, p.answer) for p, c in zip(asked, completions, strict=True)]
    )


def _by_family(asked: Sequence[Problem], completions: Sequence[Completion]) -> dict[str, float]:
    families = [family for family in FAMILIES if any(p.family == family for p in asked)]
    return {
        family: _percent(
            [
                is_correct(c.response, p.answer)
                for p, c in zip(asked, completions, strict=True)
                if p.family == family
            ]
        )
        for family in families
    }


def _percent(hits: Sequence[bool]) -> float:
    return round(100 * sum(hits) / len(hits), 1)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.bundled", description=__doc__)
    parser.add_argument("--model", type=Path, default=SHIPPED)
    parser.add_argument("--n", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(chosen.threads)
    tokenizer = AutoTokenizer.from_pretrained(chosen.model)
    model = AutoModelForCausalLM.from_pretrained(chosen.model, dtype=torch.float32).eval()
    print(json.dumps(measure(model, tokenizer, chosen.n, chosen.seed)))


if __name__ == "__main__":
    main()
