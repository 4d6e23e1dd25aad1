"""The product's promise as figures: `python -m bench.story [--method ptr]`, last line JSON.

*tpo*: the bundled model answers fresh problems K times, the verifier prefers (it sees responses
only), one DPO job runs through the real queue and worker, held-out accuracy before and after.

*ptr*: the model answers directly; a stronger writer (the generator's own worked solution) refines
in two rounds with the attempt in view; thought-mask SFT; held-out accuracy by round before and
after, and the control in which the earlier attempts belong to another problem.
"""

import argparse
import json
import logging
import time
from collections.abc import Sequence
from math import sqrt
from typing import Any, Literal

from bench.story_data import GREEDY, MAX_TOKENS, Answered, prefer, show_refinements
from bench.world import open_world, train
from db.models import JobKind
from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import BASE, Completion, Policy, Sampling
from ptrapp.refine import as_turn, refine_many
from ptrapp.services.studio import Studio
from ptrapp.tasks.check import is_correct
from ptrapp.tasks.families import FAMILIES, HELD_OUT, problems
from ptrapp.tasks.problem import Problem

log = logging.getLogger("bench.story")

EVAL_SAMPLING = Sampling(temperature=0.8, top_p=1.0, max_tokens=MAX_TOKENS)


def tpo(studio: Studio, args: argparse.Namespace) -> dict[str, Any]:
    """One iteration of thought preference optimization on at most `args.pairs` pairs."""
    held_out = _problems(args.n_eval, "eval", args.seed)
    fresh = _problems(args.n_problems, "train", args.seed + 10_000)
    before = _first_round(studio, held_out, BASE)
    began = time.monotonic()
    n_pairs = prefer(studio, fresh, k=args.k, most=args.pairs, seed=args.seed)
    sampling_s = time.monotonic() - began
    adapter, train_s = train(studio, JobKind.DPO, {"seed": args.seed})
    after = _first_round(studio, held_out, Policy(adapter.name))
    return {
        "n_pairs": n_pairs,
        "sampling_s": round(sampling_s, 1),
        "train_s": round(train_s, 1),
        "before_greedy": before[0],
        "after_greedy": after[0],
        "before_sampled": before[1],
        "after_sampled": after[1],
        "n_eval": len(held_out),
        "stderr": round(100 * sqrt(0.25 / len(held_out)), 2),
        "version": adapter.name,
    }


def ptr(studio: Studio, args: argparse.Namespace) -> dict[str, Any]:
    """Progressive refinement: round 1 answers directly, later rounds think on."""
    held_out = _problems(args.n_eval, "eval", args.seed)
    fresh = _problems(args.n_problems, "train", args.seed + 10_000)
    base = _by_round(studio, held_out, BASE)
    n_trajectories = show_refinements(studio, fresh, args.seed)
    adapter, train_s = train(studio, JobKind.MASK_SFT, {"seed": args.seed})
    policy = Policy(adapter.name)
    tuned = _by_round(studio, held_out, policy)
    return {
        "n_trajectories": n_trajectories,
        "train_s": round(train_s, 1),
        "base_r1": base[0],
        "base_r2": base[1],
        "base_r3": base[2],
        "tuned_r1": tuned[0],
        "tuned_r2": tuned[1],
        "tuned_r3": tuned[2],
        "swapped_r3": _swapped(studio, held_out, policy),
        "n_eval": len(held_out),
        "stderr": round(100 * sqrt(0.25 / len(held_out)), 2),
        "version": adapter.name,
    }


def _problems(n: int, side: Literal["train", "eval"], seed: int) -> list[Problem]:
    """Problems of the families the base model was trained on; those of `eval` it never saw."""
    known = sorted(family for family in FAMILIES if family not in HELD_OUT)
    return problems(n, split=side, seed=seed, families=known)


def _first_round(studio: Studio, asked: Sequence[Problem], policy: Policy) -> tuple[float, float]:
    """Percent right in round 1 with a thought, greedy and sampled."""
    return tuple(  # type: ignore[return-value]
        _percent(asked, [chain[0] for chain in _answers(studio, asked, policy, 1, drawn)])
        for drawn in (GREEDY, EVAL_SAMPLING)
    )


def _by_round(studio: Studio, asked: Sequence[Problem], policy: Policy) -> list[float]:
    """Percent right by round, greedy: the first direct, the later ones with a thought."""
    chains = _answers(studio, asked, policy, 3, GREEDY, Thinking.LATER)
    return [_percent(asked, [chain[index] for chain in chains]) for index in range(3)]


def _swapped(studio: Studio, asked: Sequence[Problem], policy: Policy) -> float:
    """Percent right in round 3 when rounds 1 and 2 in the context are another problem's.

    A gain that survives this is "now think", not refinement.
    """
    chains = _answers(studio, asked, policy, 2, GREEDY, Thinking.LATER)
    turns = [
        [as_turn(round_) for round_ in chain if isinstance(round_, Completion)] for chain in chains
    ]
    foreign = turns[1:] + turns[:1]
    last = refine_many(
        studio.engine,
        [problem.text for problem in asked],
        rounds=1,
        thinking=Thinking.LATER,
        sampling=GREEDY,
        policy=policy,
        histories=foreign,
    )
    return _percent(asked, [chain[0] for chain in last])


def _answers(
    studio: Studio,
    asked: Sequence[Problem],
    policy: Policy,
    n_rounds: int,
    sampling: Sampling,
    thinking: Thinking = Thinking.ALWAYS,
) -> list[list[Answered]]:
    return refine_many(
        studio.engine,
        [problem.text for problem in asked],
        rounds=n_rounds,
        thinking=thinking,
        sampling=sampling,
        policy=policy,
    )


def _percent(asked: Sequence[Problem], answered: Sequence[Answered]) -> float:
    right = [
        isinstance(answer, Completion) and is_correct(answer.split.response, problem.answer)
        for problem, answer in zip(asked, answered, strict=True)
    ]
    return round(100 * sum(right) / len(right), 1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.story", description=__doc__)
    parser.add_argument("--method", choices=("tpo", "ptr"), default="tpo")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--n-problems", type=int, default=128)
    parser.add_argument("--k", type=int, default=8, help="candidates a problem (tpo)")
    parser.add_argument("--pairs", type=int, default=100, help="at most so many pairs (tpo)")
    parser.add_argument("--n-eval", type=int, default=400)
    args = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    began = time.monotonic()
    with open_world() as studio:
        figures = tpo(studio, args) if args.method == "tpo" else ptr(studio, args)
    wall_s = round(time.monotonic() - began, 1)
    print(json.dumps({"method": args.method, "seed": args.seed, **figures, "wall_s": wall_s}))


if __name__ == "__main__":
    main()
