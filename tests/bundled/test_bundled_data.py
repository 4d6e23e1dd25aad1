import re
from itertools import islice
from random import Random

import torch
from transformers import PreTrainedTokenizerFast

from ptrapp.core.dialogue import REFINE_INSTRUCTION
from ptrapp.tasks.check import is_correct
from ptrapp.tasks.families import generate, split_of
from training.bundled.data import (
    Piece,
    batches,
    conversation,
    drill,
    practice,
    recital,
    wrong_answer,
)
from training.bundled.styles import OPENINGS, SHARES, write


def test_only_right_answers_are_learned_and_none_to_evaluation_prompts() -> None:
    rng = Random(0)
    wrong = 0
    for turns in (conversation(rng) for _ in range(1_000)):
        assert all(turn.user == REFINE_INSTRUCTION for turn in turns[1:])
        assert turns[-1].learned
        if "word problem" in turns[0].completion:
            continue
        assert split_of(turns[0].user) == "train"
        answer = turns[-1].completion.removesuffix(".").split()[-1]
        for turn in turns:
            assert is_correct(turn.completion, answer) == turn.learned
            wrong += not turn.learned
    assert wrong > 50


def test_a_wrong_answer_is_wrong() -> None:
    rng = Random(0)
    for family in ("story", "clock", "median", "cost"):
        for _ in range(300):
            problem = generate(family, 2, rng)
            assert not is_correct(wrong_answer(problem, rng), problem.answer)


def test_thoughts_that_write_no_work_state_no_result() -> None:
    rng = Random(0)
    problem = generate("cost", 3, rng)
    assert {style for style in SHARES if "=" in write(problem, style, rng).text} == {
        "full",
        "first",
    }


def test_weights_cover_a_completion_and_its_end_but_not_its_marker(
    learned_tokenizer: PreTrainedTokenizerFast,
) -> None:
    batch = next(batches(learned_tokenizer, seed=0, tokens=512))
    learned = [
        learned_tokenizer.decode(ids[weights > 0])
        for ids, weights in zip(batch.ids, batch.weights, strict=True)
    ]
    assert all(text.endswith("<|end|>") for text in learned)
    assert not any(
        "<T>" in text or "<|user|>" in text or REFINE_INSTRUCTION in text for text in learned
    )
    assert any("<R> The answer is" in text for text in learned)


def test_batches_resume_where_they_were_left(learned_tokenizer: PreTrainedTokenizerFast) -> None:
    whole = list(islice(batches(learned_tokenizer, seed=1, tokens=8_192), 30))
    rest = list(islice(batches(learned_tokenizer, seed=1, tokens=8_192, start=20), 10))
    assert all(
        torch.equal(a.ids, b.ids) and torch.equal(a.weights, b.weights)
        for a, b in zip(whole[20:], rest, strict=True)
    )
    assert all(batch.ids.numel() <= 8_192 for batch in whole)


def test_every_family_is_asked_again() -> None:
    rng = Random(1)
    talks = [conversation(rng) for _ in range(1_000)]
    again = " ".join(turns[0].user for turns in talks if len(turns) > 1)
    assert "dollars. She buys" in again or "dollars. He buys" in again  # purse
    assert re.search(r"There are \d+ \w+ with \d+ \w+ each(,| and) ", again)  # shelves


def learned_text(found: list[Piece]) -> str:
    return "".join(piece.text for piece in found if piece.weight)


def test_a_drill_teaches_the_results_of_its_sums_only() -> None:
    found = drill(Random(0))
    assert all("=" not in piece.text for piece in found if piece.weight)
    assert all(piece.text.endswith("=") for piece in found[1:] if not piece.weight)


def test_a_recital_is_the_problem_again() -> None:
    given, said = recital(Random(0))
    assert said.text.removesuffix("<|end|>") in given.text.replace("<|user|>", " ")


def test_practice_gives_the_opening_and_teaches_the_work() -> None:
    rng = Random(0)
    openings = [opening for style in ("full", "first", "onward") for opening in OPENINGS[style]]
    for _ in range(200):
        found = practice(rng)
        assert any(found[-2].text.endswith(f"<T> {opening}") for opening in openings)
        assert learned_text(found) == found[-1].text
        assert found[-1].text.endswith(".<|end|>")
