"""Which queries are kept, and for which reason the others go."""

from ptrapp.tasks.cleaning import Rules, clean, normalised, rare_shares
from ptrapp.tasks.datasets import Question


def asked(*prompts: str) -> list[Question]:
    return [Question(prompt, None, "test") for prompt in prompts]


GOOD = "How do vaccines teach the immune system?"


def reasons(*prompts: str, **options: object) -> dict[str, int]:
    return dict(clean(asked(*prompts), **options).dropped)  # type: ignore[arg-type]


def test_a_sound_query_is_kept_as_it_is() -> None:
    kept, dropped = clean(asked(GOOD))
    assert [question.prompt for question in kept] == [GOOD]
    assert not dropped


def test_each_kind_of_noise_has_its_reason() -> None:
    assert reasons("Why?") == {"too short": 1}
    assert reasons("word " * 900) == {"too long": 1}
    assert reasons("Explain this: <div class='a'>text</div>") == {"HTML": 1}
    assert reasons("Explain &nbsp; in this text, please") == {"HTML": 1}
    assert reasons("====== #### ---- a b c ----- ++++") == {"mostly not letters or digits": 1}
    assert reasons("A question with a NUL \x00 in it") == {"characters that cannot be stored": 1}


def test_smaller_than_is_no_html() -> None:
    assert not reasons("Is it true that a < b and b > c here?")


def test_of_equal_questions_the_first_stays() -> None:
    kept, dropped = clean(
        asked(GOOD, "  how do VACCINES teach the immune system ", "And the other?")
    )
    assert [question.prompt for question in kept] == [GOOD, "And the other?"]
    assert dropped == {"duplicate": 1}


def test_evaluation_prompts_and_an_excluded_file_are_told_apart() -> None:
    other = "What is the capital of the country to the north?"
    found = reasons(GOOD, other, held_out={normalised(GOOD)}, excluded={normalised(other)})
    assert found == {"held out for evaluation": 1, "in the excluded file": 1}


def test_rare_is_the_share_of_words_nobody_else_has() -> None:
    shares = rare_shares(asked("red green blue", "red green black", "12 34"))
    assert shares == [1 / 3, 1 / 3, 0.0]


def test_a_query_of_rare_words_goes_where_there_are_enough_to_tell() -> None:
    common = [f"Please explain the number {n} to a child" for n in range(200)]
    strange = "Zyklotron Quasar Hornblende Gneis explain"
    assert reasons(*common, strange) == {"rare words": 1}
    assert not reasons(*common[:20], strange)
    assert not reasons(*common, strange, rules=Rules(max_rare=0.9))
