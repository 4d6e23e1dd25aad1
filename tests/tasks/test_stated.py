import pytest

from ptrapp.tasks.stated import states


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("The answer is 12.", "12"),
        ("The answer is $1,200.00.", "1200"),
        ("18 dollars", "$18"),
        ("5+7=12", "12"),
        ("He has 3 + 4 = 7 apples.\n#### 7", "7"),
        ("so \\boxed{-5}", "-5"),
        ("-$5", "-5"),
        ("The answer is 4:05.", "4:05"),
        ("The answer is 04:05", "4:05"),
        ("The answer is 6, which took 3 steps.", "6"),
        ("First I thought the answer is 5. No, the answer is 6.", "6"),
        ("the answer is .5", "0.50"),
        ("The answer is Blue.", "blue"),
    ],
)
def test_the_answer_stated_last_is_the_one_that_counts(response: str, answer: str) -> None:
    assert states(response, answer)


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("", "12"),
        ("The answer is", "12"),
        ("12 is not it, the answer is 13.", "12"),
        ("The answer is 112.", "12"),
        ("The answer is 4:50.", "4:05"),
        ("The answer is 4:05.", "4"),
        ("The answer is -5.", "5"),
        ("The answer is red.", "blue"),
        ("", ""),
        ("The answer is 12 x", ""),
    ],
)
def test_another_answer_is_wrong(response: str, answer: str) -> None:
    assert not states(response, answer)


@pytest.mark.parametrize(
    "text", ["9" * 300_000, "-" * 300_000, "1," * 200_000, "::::", "\x00\ud800", "٣", "1:99:", "."]
)
def test_any_text_can_be_checked(text: str) -> None:
    assert isinstance(states(text, "12"), bool)
    assert isinstance(states("The answer is 12.", text), bool)
