"""Rows of people, prompts, runs, their rounds, and pairs of these."""

from collections.abc import Iterator
from random import Random
from typing import Any

from bench.growth.size import N_PEOPLE, N_ROUNDS, N_SIBLINGS, Size
from bench.labels.filling import text as words
from db.models import RaterKind, RunMode, RunState

Row = dict[str, Any]


def raters(size: Size, random: Random) -> Iterator[Row]:
    for number in range(1, N_PEOPLE + 1):
        yield {
            "id": number,
            "kind": RaterKind.HUMAN,
            "uid": f"bench-{number}",
            "name": f"p{number}",
        }


def prompts(size: Size, random: Random) -> Iterator[Row]:
    for number in range(1, size.prompts + 1):
        question = f"Question {number}: {words(random, 25)}?"
        yield {"id": number, "text": question, "source": "bench", "sha256": f"{number:064x}"}


def runs(size: Size, random: Random) -> Iterator[Row]:
    done = {"state": RunState.DONE}
    for number in range(1, size.prompts + 1):
        yield {"id": number, "prompt_id": number, "mode": RunMode.JOB, "settings": {}} | done
    for number in range(size.runs):
        yield {
            "id": size.prompts + 1 + number,
            "prompt_id": 1 + number % size.prompts,
            "rater_id": 1 + number % N_PEOPLE,
            "mode": RunMode.REFINE,
            "settings": {"n": N_ROUNDS},
        } | done


def rounds(size: Size, random: Random) -> Iterator[Row]:
    for number in range(size.prompts):
        for candidate in range(N_SIBLINGS):
            where = {"run_id": number + 1, "prompt_id": number + 1, "index": 0}
            yield _round(random, number * N_SIBLINGS + candidate + 1, where, candidate=candidate)
    first = size.prompts * N_SIBLINGS + 1
    for number in range(size.runs):
        for index in range(N_ROUNDS):
            where = {
                "run_id": size.prompts + 1 + number,
                "prompt_id": 1 + number % size.prompts,
                "index": index,
            }
            id_ = first + number * N_ROUNDS + index
            correct = random.random() < 0.7
            yield _round(random, id_, where, parent_id=id_ - 1 if index else None, correct=correct)


def _round(random: Random, id_: int, where: Row, **more: Any) -> Row:
    thought, response = words(random, 40), words(random, random.randint(40, 120))
    return (
        {
            "id": id_,
            "candidate": 0,
            "parent_id": None,
            "correct": None,
            "thinking": True,
            "thought": thought,
            "response": response,
            "raw": f"<T> {thought}<R> {response}",
            "well_formed": True,
            "sampling": {},
            "seed": 0,
            "n_thought_tokens": 60,
            "n_response_tokens": 120,
            "finish_reason": "stop",
        }
        | where
        | more
    )


def comparisons(size: Size, random: Random) -> Iterator[Row]:
    for number in range(1, size.prompts + 1):
        left = (number - 1) * N_SIBLINGS + 1
        yield {
            "id": number,
            "prompt_id": number,
            "left_round_id": left,
            "right_round_id": left + 1,
        }
