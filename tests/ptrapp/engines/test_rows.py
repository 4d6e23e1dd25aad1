"""Which tokens a row draws, which are put in, and when it ends: on logits made by hand.

A token is a letter; `.` ends the turn, `>` the thought.
"""

import random
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from ptrapp.core.types import FinishReason, Sampling, ThoughtEnd
from ptrapp.engines.local.rows import Row, ThoughtPlan, draw_tokens

LETTERS = "abc<>. "
EOS = {LETTERS.index(".")}
GREEDY = Sampling(temperature=0.0, max_tokens=3, max_thought_tokens=4)


def ids(text: str) -> tuple[int, ...]:
    return tuple(LETTERS.index(letter) for letter in text)


def text(token_ids: Sequence[int]) -> str:
    return "".join(LETTERS[one] for one in token_ids)


def wanting(first: str, second: str = "c") -> Tensor:
    """Logits (1, V) of a model that wants the first letter most, and else the second."""
    logits = torch.zeros(1, len(LETTERS))
    logits[0, LETTERS.index(first)] = 4.0
    logits[0, LETTERS.index(second)] = 2.0 if first != second else 4.0
    return logits


def row(
    sampling: Sampling = GREEDY, *, opening: str = "<", closing: str = ">", bars: bool = True
) -> Row:
    def is_blank(token_ids: Sequence[int]) -> bool:
        return not text(token_ids).strip()

    thought = ThoughtPlan(
        sampling.max_thought_tokens,
        lambda token_ids: token_ids[-1] == LETTERS.index(">"),
        ids(opening),
        ids(closing),
    )
    drawn = random.Random(sampling.seed)
    return Row((1,), sampling, 99, drawn, thought, is_blank if bars else None)


def direct(bars: bool = True) -> Row:
    thinks = row(bars=bars)
    return Row((1,), GREEDY, 99, thinks.random, None, thinks.is_blank)


def write(one: Row, wanted: str) -> str:
    """Lets a model want these letters in turn until the row ends; returns what is written."""
    for letter in wanted:
        draw_tokens([one], wanting(letter), EOS)
        if one.finish:
            break
    return text(one.token_ids)


def test_a_thought_is_opened_and_the_model_ends_it() -> None:
    one = row()
    assert write(one, "aab>bbbb") == "<ab>bbb"
    assert (one.thought_end, one.n_thought) == (ThoughtEnd.MODEL, 4)
    assert one.finish is FinishReason.LENGTH


def test_a_turn_that_ends_in_the_thought_is_replaced_by_the_end_of_the_thought() -> None:
    one = row()
    assert write(one, "aa.bb.") == "<a>bb."
    assert (one.thought_end, one.n_thought) == (ThoughtEnd.TURN, 3)
    assert one.finish is FinishReason.STOP
    assert not one.asked_again


def test_a_thought_that_used_its_budget_is_ended() -> None:
    one = row(closing=" >")
    assert write(one, "aaaaaaaaaaaaaaa") == "<aaa >aaa"
    assert (one.thought_end, one.n_thought) == (ThoughtEnd.BUDGET, 6)
    assert one.finish is FinishReason.LENGTH


def test_the_model_may_end_it_with_the_last_token_of_the_budget() -> None:
    one = row()
    assert write(one, "aab>b.") == "<ab>b."
    assert one.thought_end is ThoughtEnd.MODEL


@pytest.mark.parametrize(
    ("wanted", "written", "end", "finish"),
    [
        ("a.", "a.", ThoughtEnd.TURN, FinishReason.STOP),
        ("aaaaaa", "aaaa", ThoughtEnd.BUDGET, FinishReason.LENGTH),
        ("a>b.", "a>b.", ThoughtEnd.MODEL, FinishReason.STOP),
    ],
)
def test_a_thought_that_is_not_enforced_ends_as_the_model_leaves_it(
    wanted: str, written: str, end: ThoughtEnd, finish: FinishReason
) -> None:
    one = row(opening="", closing="")
    assert write(one, wanted) == written
    assert (one.thought_end, one.finish) == (end, finish)


def test_ids_that_are_put_in_have_the_log_probability_of_the_policy() -> None:
    one = row()
    write(one, "aa.b")
    of_first, of_second = (float(wanting("a").log_softmax(-1)[0, one]) for one in ids("<a"))
    of_end = float(wanting(".").log_softmax(-1)[0, LETTERS.index(">")])
    of_last = float(wanting("b").log_softmax(-1)[0, LETTERS.index("b")])
    assert one.logps == pytest.approx([of_first, of_second, of_end, of_last])


def test_a_response_that_ends_before_it_begins_goes_on_once() -> None:
    one = row()
    assert write(one, "a>.b.") == "<>cb."
    assert one.asked_again
    assert one.logps[2] == pytest.approx(float(wanting(".").log_softmax(-1)[0, ids("c")[0]]))


def test_a_direct_answer_that_ends_before_it_begins_goes_on_once() -> None:
    assert write(one := direct(), ".a.") == "ca."
    assert one.asked_again
    assert one.thought_end is None


def test_white_space_is_no_response_and_a_second_end_stands() -> None:
    one = direct()
    draw_tokens([one], wanting(" "), EOS)
    draw_tokens([one], wanting(".", " "), EOS)
    draw_tokens([one], wanting("."), EOS)
    assert text(one.token_ids) == "  ."
    assert one.asked_again
    assert one.finish is FinishReason.STOP


def test_a_completion_that_is_taken_as_it_comes_may_be_empty() -> None:
    assert write(one := direct(bars=False), ".") == "."
    assert not one.asked_again


def test_rows_that_are_put_in_and_rows_that_draw_share_a_step() -> None:
    """What is put into one row changes nothing that another draws."""
    drawing = Sampling(1.0, 1.0, 20, 7)
    alone = Row((1,), drawing, 99, random.Random(7))
    beside = Row((1,), drawing, 99, random.Random(7))
    logits = torch.randn(6, 1, len(LETTERS), generator=torch.Generator().manual_seed(2))
    enforced = row(opening="<<<")
    for step in logits:
        draw_tokens([alone], step, set())
        draw_tokens([enforced, beside], step.expand(2, -1), set())
    assert beside.token_ids == alone.token_ids
    assert beside.logps == pytest.approx(alone.logps)
    assert text(enforced.token_ids).startswith("<<<")


def test_a_cut_in_the_opening_is_no_end_by_the_model() -> None:
    one = row(opening="<<<")
    one.n_max = 2
    assert write(one, "aaaa") == "<<"
    assert (one.thought_end, one.finish) == (ThoughtEnd.BUDGET, FinishReason.LENGTH)
