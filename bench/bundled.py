"""Measures the shipped model: `python -m bench.bundled` prints one JSON object, last.

Problems come from the evaluation side of the split, which training never drew from. Answers come
from the embedded engine, as in the app. Accuracy is the verifier's, on responses alone; a
completion without a response counts as wrong.
"""

import argparse
import json
import logging
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from ptrapp.core.errors import EngineError
from ptrapp.core.settings import BUNDLED_MODEL
from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import BASE, Completion, FinishReason, Sampling
from ptrapp.engines.base import Engine
from ptrapp.engines.local.engine import LocalEngine
from ptrapp.refinement.loop import refine_many
from ptrapp.refinement.options import RefineOptions
from ptrapp.tasks.check import is_correct
from ptrapp.tasks.families import FAMILIES, HELD_OUT, problems
from ptrapp.tasks.problem import Problem
from training.bundled.styles import OPENINGS

_MAX_TOKENS = 128
_GREEDY = Sampling(temperature=0.0, top_p=1.0, max_tokens=_MAX_TOKENS)


def measure(engine: Engine, n: int, seed: int) -> dict[str, Any]:
    """Measures accuracy in percent on `n` problems of known families and `n` of held-out ones."""
    known = problems(n, split="eval", seed=seed, families=sorted(set(FAMILIES) - HELD_OUT))
    new = problems(n, split="eval", seed=seed, families=sorted(HELD_OUT))
    began = time.monotonic()
    thought = rounds(engine, known, 3, Thinking.ALWAYS)
    seconds = time.monotonic() - began
    direct = rounds(engine, known, 3, Thinking.LATER)
    (sampled,) = rounds(engine, known, 1, Thinking.ALWAYS, drawn(0.8, seed))
    (new_thought,) = rounds(engine, new, 1, Thinking.ALWAYS)
    (new_direct,) = rounds(engine, new, 1, Thinking.NEVER)
    every = [completion for r in thought + direct for completion in r] + sampled
    return {
        "n": n,
        "seed": seed,
        "thinking_greedy": accuracy(known, thought[0]),
        "thinking_sampled_t0.8": accuracy(known, sampled),
        "direct_greedy": accuracy(known, direct[0]),
        "reasked_after_thinking": [accuracy(known, r) for r in thought],
        "reasked_after_direct": [accuracy(known, r) for r in direct],
        "held_out_thinking_greedy": accuracy(new, new_thought),
        "held_out_direct_greedy": accuracy(new, new_direct),
        "by_style_sampled_t1": by_style(engine, known, seed),
        "by_family": _by_family(known, thought[0]),
        "by_family_direct": _by_family(known, direct[0]),
        "well_formed": _percent([is_whole(completion) for completion in every]),
        "tokens_per_s": round(sum(len(c.token_ids) for r in thought for c in r) / seconds),
    }


def rounds(
    engine: Engine,
    asked: Sequence[Problem],
    n_rounds: int,
    thinking: Thinking,
    sampling: Sampling = _GREEDY,
) -> list[list[Completion]]:
    """Asks, then asks again with all earlier rounds in view; returns the completions by round."""
    options = RefineOptions(thinking, sampling, BASE)
    chains = refine_many(engine, [problem.text for problem in asked], n_rounds, options)
    answered = [[_answered(outcome) for outcome in chain] for chain in chains]
    return [list(of_round) for of_round in zip(*answered, strict=True)]


def drawn(temperature: float, seed: int) -> Sampling:
    """Draws from all tokens; every problem has a seed of its own after `seed`."""
    return Sampling(temperature, 1.0, _MAX_TOKENS, seed)


def by_style(engine: Engine, asked: Sequence[Problem], seed: int) -> dict[str, dict[str, float]]:
    """Returns the share of sampled thoughts in each style, and how often those are right."""
    (completions,) = rounds(engine, asked, 1, Thinking.ALWAYS, drawn(1.0, seed))
    found: dict[str, dict[str, float]] = {}
    for style, openings in OPENINGS.items():
        own = [
            (problem, one)
            for problem, one in zip(asked, completions, strict=True)
            if one.split.thought.startswith(openings)
        ]
        if own:
            right = accuracy([problem for problem, _ in own], [one for _, one in own])
            found[style] = {"share": round(100 * len(own) / len(asked), 1), "accuracy": right}
    return found


def is_whole(completion: Completion) -> bool:
    """Returns whether the completion is well formed and not cut by the token limit."""
    return completion.split.well_formed and completion.finish_reason is FinishReason.STOP


def _answered(outcome: Completion | EngineError) -> Completion:
    if isinstance(outcome, EngineError):
        raise outcome
    return outcome


def accuracy(asked: Sequence[Problem], completions: Sequence[Completion]) -> float:
    """Returns the percentage of right responses."""
    return _percent(
        [is_correct(c.split.response, p.answer) for p, c in zip(asked, completions, strict=True)]
    )


def _by_family(asked: Sequence[Problem], completions: Sequence[Completion]) -> dict[str, float]:
    families = [family for family in FAMILIES if any(p.family == family for p in asked)]
    return {
        family: _percent(
            [
                is_correct(c.split.response, p.answer)
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
    parser.add_argument("--model", type=Path, default=BUNDLED_MODEL)
    parser.add_argument("--n", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    with closing(LocalEngine(str(chosen.model), device="cpu", threads=chosen.threads)) as engine:
        print(json.dumps(measure(engine, chosen.n, chosen.seed)))


if __name__ == "__main__":
    main()
