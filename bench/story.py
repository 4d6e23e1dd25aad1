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
import random
import time
from collections.abc import Sequence
from math import sqrt
from typing import Any

from bench.world import open_world, train
from db import labels, prompts, rounds
from db.models import JobKind, Outcome, RaterKind, Round, RunMode, RunState
from db.session import Session
from ptrapp.core.errors import EngineError
from ptrapp.core.thoughts import Thinking, split
from ptrapp.core.types import BASE, Completion, Policy, Sampling
from ptrapp.judges.verifier import Verifier
from ptrapp.pairing import Scored, best_and_worst
from ptrapp.refine import as_turn, refine_many
from ptrapp.services.storing import as_row
from ptrapp.services.studio import Studio
from ptrapp.tasks.check import is_correct
from ptrapp.tasks.families import problems
from ptrapp.tasks.problem import Problem
from training.bundled.styles import write

log = logging.getLogger("bench.story")

MAX_TOKENS = 160
K_SAMPLING = Sampling(temperature=0.9, top_p=1.0, max_tokens=MAX_TOKENS)
EVAL_SAMPLING = Sampling(temperature=0.8, top_p=1.0, max_tokens=MAX_TOKENS)
GREEDY = Sampling(temperature=0.0, max_tokens=MAX_TOKENS)

Answered = Completion | EngineError


def tpo(studio: Studio, args: argparse.Namespace) -> dict[str, Any]:
    """One iteration of thought preference optimization on at most `args.pairs` pairs."""
    held_out = problems(args.n_eval, split="eval", seed=args.seed)
    fresh = problems(args.n_problems, split="train", seed=args.seed + 10_000)
    before = _first_round(studio, held_out, BASE)
    began = time.monotonic()
    n_pairs = _prefer(studio, fresh, args)
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
    held_out = problems(args.n_eval, split="eval", seed=args.seed)
    fresh = problems(args.n_problems, split="train", seed=args.seed + 10_000)
    base = _by_round(studio, held_out, BASE)
    n_trajectories = _show_refinements(studio, fresh, args.seed)
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


def _prefer(studio: Studio, fresh: Sequence[Problem], args: argparse.Namespace) -> int:
    """Sample K candidates of each problem and let the verifier prefer. Returns the pairs."""
    chains = [
        _stored_candidates(studio, problem, answered)
        for problem, answered in zip(fresh, _candidates(studio, fresh, args.k), strict=True)
    ]
    judge, n_pairs = Verifier(), 0
    with studio.database.write() as session:
        rater = labels.ensure_rater(session, RaterKind.JUDGE, f"judge:{judge.name}")
        for place, (problem, candidates) in enumerate(zip(fresh, chains, strict=True)):
            if n_pairs == args.pairs:
                break
            scored = [
                Scored(float(bool(c.correct)), len(c.response), c.well_formed) for c in candidates
            ]
            pair = best_and_worst(scored, seed=args.seed * 10_007 + place)
            if pair is None:
                continue
            left, right = sorted((candidates[pair.chosen], candidates[pair.rejected]), key=_id)
            verdict = judge.compare(problem.text, problem.answer, left.response, right.response)
            comparison = labels.ensure_comparison(session, left.id, right.id)
            outcome = Outcome(verdict.outcome.value)
            labels.judge_vote(
                session, rater.id, comparison.id, outcome, verdict.rationale, f"story-{place}"
            )
            n_pairs += 1
    return n_pairs


def _candidates(studio: Studio, fresh: Sequence[Problem], k: int) -> list[list[Answered]]:
    """K completions of each problem, all in one call; candidate c of problem p has its own seed."""
    flat = refine_many(
        studio.engine,
        [problem.text for problem in fresh for _ in range(k)],
        rounds=1,
        thinking=Thinking.ALWAYS,
        sampling=K_SAMPLING,
        policy=BASE,
    )
    return [[chain[0] for chain in flat[at : at + k]] for at in range(0, len(flat), k)]


def _stored_candidates(
    studio: Studio, problem: Problem, answered: Sequence[Answered]
) -> list[Round]:
    with studio.database.write() as session:
        run_id = _job_run(session, problem)
        return [
            rounds.add_round(
                session,
                run_id,
                as_row(
                    answer,
                    index=0,
                    candidate=place,
                    thinking=True,
                    sampling=K_SAMPLING,
                    seed=place,
                    reference_answer=problem.answer,
                ),
            )
            for place, answer in enumerate(answered)
            if isinstance(answer, Completion)
        ]


def _show_refinements(studio: Studio, fresh: Sequence[Problem], seed: int) -> int:
    """Store a trajectory a problem: the policy's own direct round 1, then two by the solver."""
    attempts = _answers(studio, fresh, BASE, 1, GREEDY, Thinking.LATER)
    draw = random.Random(seed)
    for problem, chain in zip(fresh, attempts, strict=True):
        attempt = chain[0]
        if not isinstance(attempt, Completion):
            continue
        with studio.database.write() as session:
            run_id = _job_run(session, problem)
            row = as_row(
                attempt,
                index=0,
                thinking=False,
                sampling=GREEDY,
                seed=0,
                reference_answer=problem.answer,
            )
            parent = rounds.add_round(session, run_id, row)
            for index, raw in enumerate(_solved(problem, draw), start=1):
                parent = rounds.add_round(
                    session, run_id, _by_solver(studio, raw, index, parent.id)
                )
    return len(fresh)


def _solved(problem: Problem, draw: random.Random) -> tuple[str, str]:
    """The solver's two rounds: the first half of the work, then the rest of it."""
    first, onward = (write(problem, style, draw).text for style in ("first", "onward"))
    answer = f"<R> The answer is {problem.answer}."
    return f"<T> {first}{answer}", f"<T> {onward}{answer}"


def _by_solver(studio: Studio, raw: str, index: int, parent_id: int) -> rounds.NewRound:
    parts = split(raw, studio.engine.thought_format, thinking=True)
    return rounds.NewRound(
        index=index,
        parent_id=parent_id,
        author="solver",
        thinking=True,
        thought=parts.thought,
        response=parts.response,
        raw=raw,
        well_formed=parts.well_formed,
        sampling={},
        seed=0,
        n_thought_tokens=0,
        n_response_tokens=0,
        finish_reason="stop",
        correct=True,
    )


def _job_run(session: Session, problem: Problem) -> int:
    prompt = prompts.ensure_prompt(
        session,
        problem.text,
        source="generator",
        reference_answer=problem.answer,
        task=problem.family,
    )
    run = rounds.start_run(session, prompt.id, RunMode.JOB, {})
    run.state = RunState.DONE
    return run.id


def _id(round_: Round) -> int:
    return round_.id


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
