"""Token ids: the same at training as at serving, and weights on the completion alone."""

from collections import Counter
from typing import Any

import pytest

from ptrapp.core.dialogue import build_messages, prompt_ids
from ptrapp.core.thoughts import THINK, TINY
from ptrapp.core.types import Turn
from training.encode import completion_ids, encode_all, encode_pair, encode_trajectory
from training.examples import PairExample, Target, TrajectoryExample, TrajectoryKind

RAW = "<T> 2 and 2.<R> The answer is 4."
HISTORY = [Turn("", "The answer is 5.", "<R> The answer is 5.")]


def trajectory(target: Target, thinking: bool = True) -> TrajectoryExample:
    messages = build_messages("What is 2 + 2?", HISTORY, TINY, thinking)
    return TrajectoryExample(messages, thinking, target, TrajectoryKind.REFINED)


def test_history_weighs_nothing_and_the_completion_one_end_of_turn_included(
    tokenizer: Any,
) -> None:
    example = trajectory(Target(RAW, None))
    (row,) = encode_trajectory(tokenizer, TINY, example).rows

    prompt = prompt_ids(tokenizer, example.messages, thinking=True)
    n_prompt = len(prompt)
    assert list(row.token_ids[:n_prompt]) == prompt
    assert set(row.loss_weights[:n_prompt]) == {0.0}
    assert set(row.loss_weights[n_prompt:]) == {1.0}
    assert row.token_ids[-1] == tokenizer.eos_token_id
    assert "The answer is 5." in tokenizer.decode(row.token_ids[:n_prompt])


def test_text_behind_its_prefill_becomes_what_serving_would_read_next(tokenizer: Any) -> None:
    """The marker was prefilled, so it stands in the prompt and not a second time in the target."""
    (row,) = encode_trajectory(tokenizer, TINY, trajectory(Target(RAW, None))).rows

    text = tokenizer.decode(row.token_ids, skip_special_tokens=False)
    assert text.endswith(f"<|assistant|>{RAW}<|end|>")
    assert text.count("<T>") == 1


def test_training_ids_equal_those_of_the_next_rounds_prompt(tokenizer: Any) -> None:
    """What is learnt as round 1 is, id for id, what round 2 reads as its history."""
    first = TrajectoryExample(
        build_messages("What is 2 + 2?", (), TINY, True),
        True,
        Target(RAW, None),
        TrajectoryKind.REPLAY,
    )
    (row,) = encode_trajectory(tokenizer, TINY, first).rows

    turn = Turn("2 and 2.", "The answer is 4.", RAW)
    later = prompt_ids(tokenizer, build_messages("What is 2 + 2?", [turn], TINY, True), True)
    assert list(row.token_ids) == later[: len(row.token_ids)]


def test_recorded_ids_are_used_as_they_are(tokenizer: Any) -> None:
    """An unusual but valid tokenisation survives: it is what the policy really wrote."""
    spelled = tuple(tokenizer(letter, add_special_tokens=False)["input_ids"][0] for letter in "4!")
    (row,) = encode_trajectory(tokenizer, TINY, trajectory(Target("<T>4!", spelled))).rows

    assert row.token_ids[-2:] == spelled
    assert row.loss_weights[-3:] == (0.0, 1.0, 1.0)


def test_a_completion_cut_by_its_limit_gets_no_end_of_turn(tokenizer: Any) -> None:
    cut = Target("<T> 2 and", None, finished=False)
    (row,) = encode_trajectory(tokenizer, TINY, trajectory(cut)).rows

    assert row.token_ids[-1] != tokenizer.eos_token_id


def test_a_direct_answer_continues_the_response_marker(tokenizer: Any) -> None:
    example = trajectory(Target("<R> The answer is 4.", None), thinking=False)
    (row,) = encode_trajectory(tokenizer, TINY, example).rows

    text = tokenizer.decode(row.token_ids, skip_special_tokens=False)
    assert text.endswith("<|assistant|><R> The answer is 4.<|end|>")


class MergingTokenizer:
    """Reads `a` 1, `b` 2, and `ab` as one token 3: the merge training must not do over the border."""

    eos_token_id = 9

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        ids = [{"a": 1, "b": 2, "*": 3}[letter] for letter in text.replace("ab", "*")]
        return {"input_ids": ids}

    def decode(self, ids: list[int], **_: Any) -> str:
        return "".join({1: "a", 2: "b", 3: "ab"}[i] for i in ids)

    def apply_chat_template(self, *_: Any, **__: Any) -> list[int]:
        return [2, 1]


def test_a_merge_over_the_border_of_prompt_and_completion_is_undone() -> None:
    """Prompt `ba`, completion `bab`: whole it reads b·ab·ab, served it was b·a | b·ab."""
    ids = completion_ids(MergingTokenizer(), THINK, [2, 1], Target("bab", None), thinking=True)

    assert ids == [2, 3, 9]


@pytest.mark.parametrize(
    ("example", "reason"),
    [
        (Target("<T> " + "long " * 600 + "<R> x", None), "longer than the model's context"),
        (Target("", (), True), "empty completion"),
    ],
)
def test_what_cannot_be_learnt_is_counted(tokenizer: Any, example: Target, reason: str) -> None:
    dropped: Counter[str] = Counter()

    kept = encode_all(tokenizer, TINY, [trajectory(example)], encode_trajectory, 512, dropped)

    assert kept == []
    assert dropped == {reason: 1}


def test_a_pair_that_differs_in_text_only_before_tokenising_is_dropped(tokenizer: Any) -> None:
    messages = build_messages("What is 2 + 2?", (), TINY, True)
    ids = (7, 8, tokenizer.eos_token_id)
    pair = PairExample(messages, True, Target("a", ids), Target("b", ids), (1,))
    dropped: Counter[str] = Counter()

    assert encode_all(tokenizer, TINY, [pair], encode_pair, 512, dropped) == []
    assert dropped == {"the two completions are identical": 1}
