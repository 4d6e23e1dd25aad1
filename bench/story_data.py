"""What the stories are trained on, stored as the product stores it: runs, rounds, votes."""

import random
from collections.abc import Sequence

from db import labels, prompts, rounds
from db.models import Outcome, RaterKind, Round, RunMode, RunState
from db.session import Session
from ptrapp.core.errors import EngineError
from ptrapp.core.thoughts import Thinking, split
from ptrapp.core.types import BASE, Completion, Sampling
from ptrapp.judges.verifier import Verifier
from ptrapp.pairing import Scored, best_and_worst
from ptrapp.refine import refine_many
from ptrapp.services.storing import as_row
from ptrapp.services.studio import Studio
from ptrapp.tasks.problem import Problem
from training.bundled.styles import write

MAX_TOKENS = 160
K_SAMPLING = Sampling(temperature=0.9, top_p=1.0, max_tokens=MAX_TOKENS)
GREEDY = Sampling(temperature=0.0, max_tokens=MAX_TOKENS)

Answered = Completion | EngineError


def prefer(studio: Studio, fresh: Sequence[Problem], *, k: int, most: int, seed: int) -> int:
    """Sample K candidates of each problem and let the verifier prefer. Returns the pairs."""
    chains = [
        _stored_candidates(studio, problem, answered)
        for problem, answered in zip(fresh, _candidates(studio, fresh, k), strict=True)
    ]
    judge, n_pairs = Verifier(), 0
    with studio.database.write() as session:
        rater = labels.ensure_rater(session, RaterKind.JUDGE, f"judge:{judge.name}")
        for place, (problem, candidates) in enumerate(zip(fresh, chains, strict=True)):
            if n_pairs == most:
                break
            scored = [
                Scored(float(bool(c.correct)), len(c.response), c.well_formed) for c in candidates
            ]
            pair = best_and_worst(scored, seed=seed * 10_007 + place)
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


def show_refinements(studio: Studio, fresh: Sequence[Problem], seed: int) -> int:
    """Store a trajectory a problem: the policy's own direct round 1, then two by the solver."""
    attempts = refine_many(
        studio.engine,
        [problem.text for problem in fresh],
        rounds=1,
        thinking=Thinking.LATER,
        sampling=GREEDY,
        policy=BASE,
    )
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
