import re
from fractions import Fraction
from random import Random

import pytest

from ptrapp.tasks.check import is_correct
from ptrapp.tasks.families import FAMILIES, HELD_OUT, LEVELS, generate, problems, split_of
from ptrapp.tasks.problem import Problem
from ptrapp.tasks.work import first_half, full_work, second_half

STEP = re.compile(r"([\d:]+) ([-+×÷]) (\d+)(| hours?| minutes) = ([\d:]+)\.$")


def many(family: str) -> list[Problem]:
    rng = Random(family)
    return [generate(family, level, rng) for level in LEVELS for _ in range(150)]


def numbers(text: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", text)]


def computed(left: str, sign: str, right: str, unit: str) -> Fraction | str:
    if ":" in left:
        hour, minute = left.split(":")
        minutes = 60 * int(hour) + int(minute) + int(right) * (60 if "hour" in unit else 1)
        return f"{(minutes // 60 - 1) % 12 + 1}:{minutes % 60:02d}"
    a, b = Fraction(left), Fraction(right)
    return {"+": a + b, "-": a - b, "×": a * b, "÷": a / b if b else a}[sign]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_step_is_true_and_the_last_arrives_at_the_answer(family: str) -> None:
    for problem in many(family):
        assert len(problem.steps) >= 2
        for step in problem.steps:
            if match := STEP.search(step):
                left, sign, right, unit, result = match.groups()
                expected = computed(left, sign, right, unit)
                assert expected == (result if ":" in result else int(result)), step
            else:
                assert family in ("median", "range"), step
        assert is_correct(problem.steps[-1], problem.answer)


def test_a_median_is_the_middle_of_the_numbers_asked_about() -> None:
    for problem in many("median"):
        ordered = sorted(numbers(problem.text))
        assert problem.answer == str(ordered[len(ordered) // 2])


def test_a_range_is_the_largest_minus_the_smallest() -> None:
    for problem in many("range"):
        assert problem.answer == str(max(numbers(problem.text)) - min(numbers(problem.text)))


def test_a_total_is_the_sum_of_the_numbers_in_the_text() -> None:
    for problem in many("total"):
        assert problem.answer == str(sum(numbers(problem.text)))


def test_a_story_follows_its_gains_and_losses() -> None:
    for problem in many("story"):
        have, *changes = numbers(problem.text)
        signs = [
            -1 if verb in ("gives", "loses", "sells") else 1
            for verb in re.findall(r"\b(gives|loses|sells|buys|finds|gets)\b", problem.text)
        ]
        left = have + sum(s * c for s, c in zip(signs, changes, strict=True))
        assert problem.answer == str(left)


def test_money_back_is_the_note_minus_what_was_bought() -> None:
    for problem in many("change"):
        note, n, price, *other = numbers(problem.text)
        assert problem.answer == str(note - n * price - sum(other))


def test_what_is_left_in_boxes_follows_from_the_text() -> None:
    for problem in many("boxes"):
        n, each, taken, *more = numbers(problem.text)
        assert problem.answer == str(n * each - taken + sum(more))


def test_a_cost_is_amounts_times_prices() -> None:
    for problem in many("cost"):
        found = numbers(problem.text)
        prices, amounts = found[: len(found) // 2], found[len(found) // 2 :]
        assert problem.answer == str(sum(p * n for p, n in zip(prices, amounts, strict=True)))


def test_containers_hold_amounts_times_contents() -> None:
    for problem in many("shelves"):
        found = numbers(problem.text)
        pairs = zip(found[::2], found[1::2], strict=True)
        assert problem.answer == str(sum(n * m for n, m in pairs))


def test_answers_are_positive() -> None:
    for family in FAMILIES:
        assert all(p.answer[0] not in "-0" for p in many(family))


def test_the_two_halves_are_the_whole_work() -> None:
    for family in FAMILIES:
        for problem in many(family):
            assert first_half(problem)
            assert second_half(problem)
            assert f"{first_half(problem)} {second_half(problem)}" == full_work(problem)


def test_the_splits_share_no_prompt() -> None:
    train = {p.text for p in problems(1_000, split="train", seed=0)}
    held = {p.text for p in problems(1_000, split="eval", seed=0)}
    assert not train & held
    assert all(split_of(text) == "train" for text in train)
    assert all(split_of(text) == "eval" for text in held)


def test_a_list_of_problems_is_reproducible_without_repeats_and_even() -> None:
    drawn = problems(360, split="eval", seed=3)
    assert drawn == problems(360, split="eval", seed=3)
    assert drawn != problems(360, split="eval", seed=4)
    assert len({p.text for p in drawn}) == 360
    assert {(f, lv): 10 for f in FAMILIES for lv in LEVELS} == {
        (f, lv): sum(p.family == f and p.level == lv for p in drawn)
        for f in FAMILIES
        for lv in LEVELS
    }


def test_an_unknown_family_is_named_in_the_error() -> None:
    with pytest.raises(ValueError, match="riddle"):
        problems(1, split="eval", seed=0, families=["riddle"])


def test_held_out_families_are_families() -> None:
    assert len(HELD_OUT) == 2
    assert set(FAMILIES) > HELD_OUT
