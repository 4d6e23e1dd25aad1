"""Token ids: the same at training as at serving, and weights on the completion alone."""

from collections import Counter
from typing import Any

import pytest

from ptrapp.core.dialogue import build_messages, prompt_ids
from ptrapp.core.thoughts import THINK, TINY
from ptrapp.core.types import Turn
from ptrapp.recipes.preferences import Strength
from training.data.encode import (
    SHORTENED,
    TokenWeights,
    completion_ids,
    encode_pairs,
    encode_trajectories,
)
from training.data.examples import PairExample, Target, TrajectoryExample, TrajectoryKind
from training.data.tokens import Encoded

RAW = "<T> 2 and 2.<R> The answer is 4."
HISTORY = [Turn("", "The answer is 5.", "<R> The answer is 5.")]


def trajectory(target: Target, thinking: bool = True) -> TrajectoryExample:
    messages = build_messages("What is 2 + 2?", HISTORY, TINY, thinking)
    return TrajectoryExample(messages, thinking, target, TrajectoryKind.REFINED)


def encode_one(tokenizer: Any, example: TrajectoryExample, **options: Any) -> Encoded:
    (encoded,) = encode_trajectories(tokenizer, TINY, [example], 512, Counter(), **options)
    return encoded


def ids(encoded: Encoded) -> tuple[int, ...]:
    """Prompt and completion, as the model reads them."""
    return encoded.prompt.token_ids + encoded.completions[0].token_ids


def test_history_weighs_nothing_and_the_completion_one_end_of_turn_included(
    tokenizer: Any,
) -> None:
    example = trajectory(Target(RAW, None))
    encoded = encode_one(tokenizer, example)

    assert list(encoded.prompt.token_ids) == prompt_ids(tokenizer, example.messages, thinking=True)
    assert set(encoded.prompt.loss_weights) == {0.0}
    assert set(encoded.completions[0].loss_weights) == {1.0}
    assert encoded.completions[0].token_ids[-1] == tokenizer.eos_token_id
    assert "The answer is 5." in tokenizer.decode(encoded.prompt.token_ids)


def test_text_behind_its_prefill_becomes_what_serving_would_read_next(tokenizer: Any) -> None:
    """The marker was prefilled, so it stands in the prompt and not a second time in the target."""
    read = ids(encode_one(tokenizer, trajectory(Target(RAW, None))))

    text = tokenizer.decode(read, skip_special_tokens=False)
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
    read = ids(encode_one(tokenizer, first))

    turn = Turn("2 and 2.", "The answer is 4.", RAW)
    later = prompt_ids(tokenizer, build_messages("What is 2 + 2?", [turn], TINY, True), True)
    assert list(read) == later[: len(read)]


def test_recorded_ids_are_used_as_they_are(tokenizer: Any) -> None:
    """An unusual but valid tokenisation survives: it is what the policy really wrote."""
    spelled = tuple(tokenizer(letter, add_special_tokens=False)["input_ids"][0] for letter in "4!")
    encoded = encode_one(tokenizer, trajectory(Target("<T>4!", spelled)))

    assert encoded.completions[0].token_ids == spelled


def test_a_completion_cut_by_its_limit_gets_no_end_of_turn(tokenizer: Any) -> None:
    cut = Target("<T> 2 and", None, finished=False)
    encoded = encode_one(tokenizer, trajectory(cut))

    assert encoded.completions[0].token_ids[-1] != tokenizer.eos_token_id


def test_a_direct_answer_continues_the_response_marker(tokenizer: Any) -> None:
    example = trajectory(Target("<R> The answer is 4.", None), thinking=False)
    text = tokenizer.decode(ids(encode_one(tokenizer, example)), skip_special_tokens=False)
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

    encoded = encode_trajectories(tokenizer, TINY, [trajectory(example)], 512, dropped)

    assert encoded == []
    assert dropped == {reason: 1}


def test_a_rejected_answer_without_a_word_is_an_end_of_turn(tokenizer: Any) -> None:
    messages = build_messages("What is 2 + 2?", (), TINY, False)
    pair = PairExample(messages, False, Target("<R> 4", None), Target("<R>", None), (1,))

    (encoded,) = encode_pairs(tokenizer, TINY, [pair], 512, Counter(), max_pairs=8)

    assert encoded.completions[1].token_ids == (tokenizer.eos_token_id,)


def test_a_pair_that_differs_in_text_only_before_tokenising_is_dropped(tokenizer: Any) -> None:
    messages = build_messages("What is 2 + 2?", (), TINY, True)
    same = (7, 8, tokenizer.eos_token_id)
    pair = PairExample(messages, True, Target("a", same), Target("b", same), (1,))
    dropped: Counter[str] = Counter()

    assert encode_pairs(tokenizer, TINY, [pair], 512, dropped, max_pairs=8) == []
    assert dropped == {"the two completions are identical": 1}


def siblings(n: int, **facts: Any) -> list[PairExample]:
    """n pairs of one prompt: candidate 0 against each of the others."""
    messages = build_messages("What is 2 + 2?", HISTORY, TINY, True)
    sides = [Target(f"<T> {k}.<R> The answer is {k}.", None) for k in range(n + 1)]
    return [PairExample(messages, True, sides[0], side, (1,), **facts) for side in sides[1:]]


def test_pairs_of_one_prompt_share_it_and_their_candidates(tokenizer: Any) -> None:
    (encoded,) = encode_pairs(tokenizer, TINY, siblings(3), 512, Counter(), max_pairs=8)

    assert [(pair.chosen, pair.rejected) for pair in encoded.pairs] == [(0, 1), (0, 2), (0, 3)]
    assert len(encoded.completions) == 4


def test_an_example_holds_at_most_as_many_pairs_as_a_batch(tokenizer: Any) -> None:
    encoded = encode_pairs(tokenizer, TINY, siblings(5), 512, Counter(), max_pairs=2)

    assert [len(example.pairs) for example in encoded] == [2, 2, 1]


@pytest.mark.parametrize(
    ("strength", "margin", "weight"),
    [(Strength.OFF, 0.0, 1.0), (Strength.MARGIN, 1.0, 1.0), (Strength.WEIGHT, 0.0, 3.0)],
)
def test_much_better_is_a_margin_or_a_weight_where_that_is_asked_for(
    tokenizer: Any, strength: Strength, margin: float, weight: float
) -> None:
    pairs = siblings(1, strength=3.0)

    (encoded,) = encode_pairs(
        tokenizer, TINY, pairs, 512, Counter(), max_pairs=8, strength=strength
    )

    assert (encoded.pairs[0].margin, encoded.pairs[0].weight) == (margin, weight)


def test_oldest_turns_are_cut_first_and_the_question_stays(tokenizer: Any) -> None:
    old, new = "<R> " + "long " * 40 + ".", "<R> The answer is 6."
    history = [Turn("", "long", old), Turn("", "The answer is 6.", new)]
    messages = build_messages("What is 2 + 2?", history, TINY, True)
    example = TrajectoryExample(messages, True, Target(RAW, None), TrajectoryKind.REFINED)
    dropped: Counter[str] = Counter()

    (encoded,) = encode_trajectories(tokenizer, TINY, [example], 80, dropped)

    text = tokenizer.decode(encoded.prompt.token_ids)
    assert [part in text for part in ("What is 2 + 2?", "The answer is 6.", "long")] == [1, 1, 0]
    assert encoded.n_tokens <= 80
    assert dropped == {SHORTENED: 1}


def test_where_an_attempt_stands_in_the_prompt_is_found(tokenizer: Any) -> None:
    encoded = encode_one(tokenizer, trajectory(Target(RAW, None)))

    ((begin, end),) = encoded.attempts
    attempt = tokenizer.decode(encoded.prompt.token_ids[begin:end], skip_special_tokens=False)
    assert attempt.strip() == "<R> The answer is 5."


def test_thought_response_and_history_weigh_what_they_are_given(tokenizer: Any) -> None:
    weights = TokenWeights(thought=0.5, response=2.0, history=0.25)
    encoded = encode_one(tokenizer, trajectory(Target(RAW, None)), weights=weights)

    completion = encoded.completions[0]
    n_thought = completion.loss_weights.count(0.5)
    thought = tokenizer.decode(completion.token_ids[:n_thought], skip_special_tokens=False)
    assert thought.endswith("<R>")
    assert set(completion.loss_weights[n_thought:]) == {2.0}
    ((begin, end),) = encoded.attempts
    assert encoded.prompt.loss_weights[begin:end] == (0.25,) * (end - begin)
    assert sum(encoded.prompt.loss_weights) == 0.25 * (end - begin)
