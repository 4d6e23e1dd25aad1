"""Generates the bundled model's training data, endless and reproducible, as weighted token ids.

    <|user|>Tom has 12 apples. …<|end|><|assistant|><R> The answer is 15.<|end|>
    <|user|>Check your answer and improve it.<|end|><|assistant|><T> Step by step: …
    <R> The answer is 14.<|end|>

Only right completions carry loss. Earlier rounds of a conversation are often wrong, as they will
be when the model refines its own: it must learn to work the answer out again, not to repeat it.

The first batches are lessons: problems with all the work written, mixed with drills (bare sums one
after another) and recitals (the problem repeated). Arithmetic and copying are learned there much
sooner than in the mixture of conversations, which follows, at the end mixed with practice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

import torch
from transformers import PreTrainedTokenizerFast

from ptrapp.core.dialogue import REFINE_INSTRUCTION
from ptrapp.tasks.families import FAMILIES, LEVELS, generate, problems, split_of
from ptrapp.tasks.problem import Problem
from training.bundled import smalltalk
from training.bundled.styles import OPENINGS, Style, Thought, think, write
from training.bundled.tokenizer import ASSISTANT, END, RESPONSE, THOUGHT, USER

SMALLTALK_SHARE = 0.02
DIRECT_SHARE = 0.35
MULTI_TURN_SHARE = 0.45
ROUNDS = {2: 0.5, 3: 0.4, 4: 0.07, 5: 0.03}
WRONG_SHARE = 0.5
"""Share of earlier rounds that are wrong, unless all the work was written down."""

DRILL_SHARE = 0.4
DRILL_SUMS = 10
PRACTICE_SHARE = 0.5

POOL = 1_024
"""Conversations sorted by length at a time, so that batches have little padding."""


@dataclass(frozen=True, slots=True)
class TrainingTurn:
    """A completion, the user turn before it, and whether to learn it."""

    user: str
    completion: str
    learned: bool


Row = tuple[list[int], list[float]]
"""Token ids and their weights."""


class Piece(NamedTuple):
    """Text with the weight of its tokens in the loss; pieces are encoded one by one."""

    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Batch:
    """Right-padded token ids and the weight of each token as a target, both (B, T)."""

    ids: torch.Tensor
    weights: torch.Tensor


def conversation(rng: Random) -> list[TrainingTurn]:
    """Draws one conversation: a problem and one to five rounds, or rarely small talk."""
    multi = rng.random() < MULTI_TURN_SHARE
    n_rounds = rng.choices(list(ROUNDS), list(ROUNDS.values()))[0] if multi else 1
    if rng.random() < SMALLTALK_SHARE:
        return _smalltalk_turns(min(n_rounds, 2), rng)
    problem = _trained_problem(rng)
    turns: list[TrainingTurn] = []
    before: Thought | None = None
    for index in range(n_rounds):
        before = None if rng.random() < DIRECT_SHARE else think(problem, before, rng)
        sure = before is not None and before.style in ("full", "onward")
        right = index == n_rounds - 1 or sure or rng.random() >= WRONG_SHARE
        answer = problem.answer if right else wrong_answer(problem, rng)
        text = completion(before.text if before else None, f"The answer is {answer}.")
        turns.append(TrainingTurn(REFINE_INSTRUCTION if index else problem.text, text, right))
    return turns


def lesson(rng: Random) -> list[Piece]:
    """Draws a problem with all the work written."""
    problem = _trained_problem(rng)
    work = write(problem, "full", rng).text
    turn = TrainingTurn(problem.text, completion(work, f"The answer is {problem.answer}."), True)
    return pieces([turn])


def drill(rng: Random) -> list[Piece]:
    """Draws bare sums, of which only the results are learned: the tasks cannot be predicted."""
    found = [Piece(f"{USER}{END}{ASSISTANT}{THOUGHT}", 0.0)]
    while len(found) < 2 * DRILL_SUMS:
        for step in _trained_problem(rng).steps:
            task, sign, result = step.partition("=")
            if sign:
                found += [Piece(f" {task}{sign}", 0.0), Piece(result, 1.0)]
    return found


def recital(rng: Random) -> list[Piece]:
    """Draws a problem to be repeated word for word."""
    text = _trained_problem(rng).text
    return [Piece(f"{USER}{text}{END}{ASSISTANT}{THOUGHT}", 0.0), Piece(f" {text}{END}", 1.0)]


def practice(rng: Random) -> list[Piece]:
    """Draws work whose opening is given, which teaches writing it but not choosing it more often.

    Most of it begins at the problem: all the work, or its first half with the rest done unseen. The
    other part continues a first half written in an earlier round, after a direct answer or not.
    """
    problem = _trained_problem(rng)
    style: Style = rng.choices(("full", "first", "onward"), (0.35, 0.25, 0.4))[0]
    history: list[str] = []
    if style == "onward":
        if rng.random() < 0.7:
            history.append(completion(None, f"The answer is {_guess(problem, rng)}."))
        begun = write(problem, "first", rng).text
        history.append(completion(begun, f"The answer is {_guess(problem, rng)}."))
    text = write(problem, style, rng).text
    opening = next(opening for opening in OPENINGS[style] if text.startswith(opening))
    users = [problem.text] + [REFINE_INSTRUCTION] * len(history)
    shown = pieces(
        [TrainingTurn(user, earlier, False) for user, earlier in zip(users, history, strict=False)]
    )
    given = f"{USER}{users[-1]}{END}{ASSISTANT}{THOUGHT} {opening}"
    learned = f"{text.removeprefix(opening)}{RESPONSE} The answer is {problem.answer}.{END}"
    return [*shown, Piece(given, 0.0), Piece(learned, 1.0)]


def pieces(turns: list[TrainingTurn]) -> list[Piece]:
    """Returns the text of a conversation; a mode's marker is given, not learned."""
    found = []
    for turn in turns:
        marker = turn.completion[: len(THOUGHT)]
        found.append(Piece(f"{USER}{turn.user}{END}{ASSISTANT}{marker}", 0.0))
        found.append(Piece(f"{turn.completion[len(marker) :]}{END}", float(turn.learned)))
    return found


def completion(thought: str | None, response: str) -> str:
    """Returns the whole completion as text; without a thought it is in direct mode."""
    before = "" if thought is None else f"{THOUGHT} {thought}"
    return f"{before}{RESPONSE} {response}"


def wrong_answer(problem: Problem, rng: Random) -> str:
    """Returns an answer near the right one, or an intermediate result."""
    if ":" in problem.answer:
        hour, minute = (int(part) for part in problem.answer.split(":"))
        moved = hour * 60 + minute + rng.choice((-60, -30, -10, -5, 5, 10, 30, 60))
        return f"{(moved // 60 - 1) % 12 + 1}:{moved % 60:02d}"
    right = int(problem.answer)
    intermediate = [
        step.rstrip(".").split("=")[-1].strip() for step in problem.steps[:-1] if "=" in step
    ]
    near = [str(right + d) for d in (-10, -5, -3, -2, -1, 1, 2, 3, 5, 10) if right + d > 0]
    wrong = [value for value in intermediate if value != problem.answer]
    return rng.choice(wrong) if wrong and rng.random() < 0.2 else rng.choice(near)


def _guess(problem: Problem, rng: Random) -> str:
    """Returns the right answer, or as often a wrong one."""
    return wrong_answer(problem, rng) if rng.random() < WRONG_SHARE else problem.answer


def tokenizer_texts(seed: int) -> Iterator[str]:
    """Yields the texts that the tokenizer learns its words from."""
    rng = Random(f"tokenizer/{seed}")
    for problem in problems(6_000, split="train", seed=seed):
        yield problem.text
        yield f" The answer is {problem.answer}."
        for style in OPENINGS:
            yield f" {write(problem, style, rng).text}"
    for _ in range(600):
        yield smalltalk.prompt(rng)
        yield f" {smalltalk.thought(rng)}"
        yield f" {smalltalk.reply(rng)}"
        yield REFINE_INSTRUCTION


def batches(
    tokenizer: PreTrainedTokenizerFast,
    *,
    seed: int,
    tokens: int,
    drills: int = 0,
    recitals: int = 0,
    lessons: int = 0,
    mixture: int = 0,
    start: int = 0,
) -> Iterator[Batch]:
    """Yields batches of about `tokens` ids without end, beginning with the `start`-th.

    The first `lessons` batches, or a few more, are lessons: up to `drills` mixed with drills, then
    up to `recitals` mixed with recitals. Up to `mixture` follows the mixture alone, and from there
    on the mixture with practice.

    Pools are drawn from (seed, pool index) alone, so a resumed run gets the same batches; to find
    its position it draws the pools before `start` again.
    """
    pool, seen = 0, 0
    while True:
        rng = Random(f"data/{seed}/{pool}")
        if seen < drills:
            drawn = [drill(rng) if rng.random() < DRILL_SHARE else lesson(rng) for _ in range(POOL)]
        elif seen < recitals:
            drawn = [
                recital(rng) if rng.random() < DRILL_SHARE else lesson(rng) for _ in range(POOL)
            ]
        elif seen < lessons:
            drawn = [lesson(rng) for _ in range(POOL)]
        elif seen < mixture:
            drawn = [pieces(conversation(rng)) for _ in range(POOL)]
        else:
            drawn = [
                practice(rng) if rng.random() < PRACTICE_SHARE else pieces(conversation(rng))
                for _ in range(POOL)
            ]
        made = _pooled(_encoded(tokenizer, drawn), tokenizer.pad_token_id, rng, tokens)
        yield from made[max(0, start - seen) :]
        seen += len(made)
        pool += 1


def _pooled(rows: list[Row], pad: int, rng: Random, tokens: int) -> list[Batch]:
    """Groups rows of about the same length into batches, in random order."""
    rows.sort(key=lambda row: len(row[0]))
    made: list[Batch] = []
    group: list[Row] = []
    for row in rows:
        if group and (len(group) + 1) * len(row[0]) > tokens:
            made.append(_padded(group, pad))
            group = []
        group.append(row)
    made.append(_padded(group, pad))
    rng.shuffle(made)
    return made


def _encoded(tokenizer: PreTrainedTokenizerFast, conversations: list[list[Piece]]) -> list[Row]:
    """Encodes ids and weights of each conversation, all in one call."""
    texts = [piece.text for found in conversations for piece in found]
    encoded = iter(tokenizer(texts, add_special_tokens=False)["input_ids"])
    rows: list[Row] = []
    for found in conversations:
        ids: list[int] = []
        weights: list[float] = []
        for piece, piece_ids in zip(found, encoded, strict=False):
            ids += piece_ids
            weights += [piece.weight] * len(piece_ids)
        rows.append((ids, weights))
    return rows


def _padded(rows: list[Row], pad: int) -> Batch:
    length = max(len(ids) for ids, _ in rows)
    ids = torch.full((len(rows), length), pad)  # (B, T)
    weights = torch.zeros(len(rows), length)  # (B, T)
    for index, (row, weight) in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row)
        weights[index, : len(row)] = torch.tensor(weight)
    return Batch(ids, weights)


def _trained_problem(rng: Random) -> Problem:
    while True:
        problem = generate(rng.choice(tuple(FAMILIES)), rng.choice(LEVELS), rng)
        if split_of(problem.text) == "train":
            return problem


def _smalltalk_turns(n_rounds: int, rng: Random) -> list[TrainingTurn]:
    turns = []
    for index in range(n_rounds):
        thought = None if rng.random() < DIRECT_SHARE else smalltalk.thought(rng)
        user = REFINE_INSTRUCTION if index else smalltalk.prompt(rng)
        turns.append(TrainingTurn(user, completion(thought, smalltalk.reply(rng)), True))
    return turns
