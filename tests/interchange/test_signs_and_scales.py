"""Signs, scales and ranks that could be read the wrong way round: read where clear, refused else."""

import json
from math import nan
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from ptrapp.core.errors import BadRow, InputError
from ptrapp.core.types import Choice, Preference
from ptrapp.interchange import reading
from ptrapp.interchange.files import RowFile
from ptrapp.interchange.formats import Options
from ptrapp.interchange.limits import TERMINAL
from ptrapp.interchange.profile import answer_text
from ptrapp.interchange.records import JudgedPair
from ptrapp.interchange.sides import Sides, preference_from

TWO = {"prompt": "Q?", "response_a": "x", "response_b": "y"}
HELPSTEER = {"context": "Q?", "response1": "x", "response2": "y"}
AB = Sides("response_a", "response_b")


def pairs_in(path: Path, column: str = "") -> list[JudgedPair]:
    with RowFile(path, TERMINAL) as file:
        known = reading.understand(file, Options(answer_column=column))
        checked = reading.check(file, known.plan)
    assert not checked.mistakes.named
    return [one for one in checked.buffered or () if isinstance(one, JudgedPair)]


def lines(folder: Path, *rows: Any) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def labels(pairs: list[JudgedPair]) -> list[tuple[str, int]]:
    return [(label.outcome, label.strength) for pair in pairs for label in pair.labels]


@pytest.mark.parametrize("said", ["-1", "+1", "-2", "−1", "-A", "!A", "+A", "~b", "A-", "1+"])
def test_a_sign_before_an_answer_is_never_dropped(said: str) -> None:
    with pytest.raises(BadRow, match="does not say which"):
        preference_from(said, AB)


@pytest.mark.parametrize("numbers", [(-1, 1), (-2, 2), (-2, -1, 1, 2), (-1, 1, 0)])
def test_signed_numbers_under_a_name_that_is_no_known_scale_are_refused(
    tmp_path: Path, numbers: tuple[int, ...]
) -> None:
    path = lines(tmp_path, *(TWO | {"preference": one} for one in numbers))
    with pytest.raises(InputError, match="the answer '-"):
        pairs_in(path)
    with pytest.raises(InputError, match=r"does not say which|names neither"):
        pairs_in(path, column="preference")


def test_helpsteers_scale_is_read_as_data_frames_write_it(tmp_path: Path) -> None:
    head = "context,response1,response2,overall_preference\n"
    rows = "".join(f"Q{n}?,x,y,{one}\n" for n, one in enumerate(("1.0", "2.0", "-3.0", "", "0.0")))
    path = tmp_path / "rows.csv"
    path.write_text(head + rows, encoding="utf-8")
    assert labels(pairs_in(path)) == [("right", 1), ("right", 2), ("left", 3), ("tie", 1)]


@pytest.mark.parametrize(
    ("name", "numbers"),
    [("overall_preference", (1.5, 2, 1)), ("preference_strength", (-4, 1)), ("overall_preference", (5,))],
)  # fmt: skip
def test_a_number_off_helpsteers_scale_is_refused_and_never_drops_the_votes(
    tmp_path: Path, name: str, numbers: tuple[float, ...]
) -> None:
    path = lines(tmp_path, *(HELPSTEER | {name: one} for one in numbers))
    with pytest.raises(InputError, match="whole number from -3 to 3"):
        pairs_in(path)


@pytest.mark.parametrize("flags", [("1.0", "0.0"), ("True", "False")])
def test_shps_labels_are_read_as_data_frames_write_them(
    tmp_path: Path, flags: tuple[str, str]
) -> None:
    path = tmp_path / "rows.csv"
    rows = "".join(f"Q{n}?,x,y,{flag}\n" for n, flag in enumerate(flags))
    path.write_text(f"history,human_ref_A,human_ref_B,labels\n{rows}", encoding="utf-8")
    assert labels(pairs_in(path)) == [("left", 1), ("right", 1)]


@pytest.mark.parametrize(
    ("left", "right", "outcome"), [(1234567, 1234568, "right"), (-1203.4512, -1203.4519, "left")]
)
def test_scores_differ_in_their_last_digit(
    tmp_path: Path, left: float, right: float, outcome: str
) -> None:
    path = lines(tmp_path, TWO | {"score_a": left, "score_b": right})
    assert labels(pairs_in(path)) == [(outcome, 1)]
    assert [answer_text(one) for one in (1.0, 2.5, 1e6, 3)] == ["1", "2.5", "1000000", "3"]


def test_an_answer_whose_rating_is_not_a_number_is_unrated(tmp_path: Path) -> None:
    beside = {
        "prompt": "Q?",
        "generations": ["best", "broken", "worst"],
        "ratings": [5.0, nan, 1.0],
    }
    inside = {
        "prompt": "P?",
        "completions": [{"response": text, "overall_score": score} for text, score in
                        (("best", 9.0), ("broken", nan), ("worst", 2.0))],
    }  # fmt: skip
    for row in (beside, inside):
        path = tmp_path / "rows.parquet"
        parquet.write_table(pa.Table.from_pylist([row]), path)
        (pair,) = pairs_in(path)
        assert (pair.left.raw, pair.right.raw) == ("best", "worst")
        assert labels([pair]) == [("left", 1)]


def test_a_ranking_that_may_be_an_order_is_refused(tmp_path: Path) -> None:
    row = {"prompt": "Q?", "responses": ["worst", "best", "mid"], "ranking": [1, 2, 0]}
    with pytest.raises(InputError, match="nothing that is known says which is better"):
        pairs_in(lines(tmp_path, row))


def test_models_that_are_called_like_places_are_refused(tmp_path: Path) -> None:
    two = {"prompt": "Q?", "response_1": "x", "response_2": "y"}
    with pytest.raises(InputError, match="may be a model or a place"):
        pairs_in(lines(tmp_path, two | {"model_1": "B", "model_2": "A", "winner": "A"}))
    in_place = TWO | {"model_a": "model_a", "model_b": "model_b", "winner": "model_b"}
    assert labels(pairs_in(lines(tmp_path, in_place))) == [("right", 1)]


@pytest.mark.parametrize("said", ["Both are terrible", "Both unacceptable", "both answers failed"])
def test_two_that_are_called_bad_are_no_tie(said: str) -> None:
    assert preference_from(said, AB) == Preference(Choice.BOTH_BAD)


@pytest.mark.parametrize(
    ("said", "choice"),
    [
        ("Both are good, can't decide", Choice.TIE),
        ("Both are similar – I don't have a preference", Choice.TIE),
        ("Tie (both are equal, can't tell)", Choice.TIE),
        ("Both are bad, do not use", Choice.BOTH_BAD),
    ],
)
def test_a_negation_of_something_else_changes_nothing(said: str, choice: Choice) -> None:
    assert preference_from(said, AB) == Preference(choice)


@pytest.mark.parametrize("said", ["both are not helpful", "both weren't very good"])
def test_a_negation_of_both_is_refused(said: str) -> None:
    with pytest.raises(BadRow, match="does not say which"):
        preference_from(said, AB)


def test_a_reply_whose_rank_is_not_a_number_is_unranked(tmp_path: Path) -> None:
    head = "message_id,parent_id,role,text,rank\n"
    rows = "1,,prompter,Q?,\n2,1,assistant,unranked,nan\n3,1,assistant,best,0.0\n4,1,assistant,worst,1.0\n"
    path = tmp_path / "oasst.csv"
    path.write_text(head + rows, encoding="utf-8")
    (pair,) = pairs_in(path)
    assert {pair.left.raw, pair.right.raw} == {"best", "worst"}
    assert (pair.left.raw == "best") == (labels([pair]) == [("left", 1)])


@pytest.mark.parametrize("strengths", [(3, 1), (1, 2)])
def test_the_strength_beside_a_winner_is_no_scale_of_helpsteers(
    tmp_path: Path, strengths: tuple[int, int]
) -> None:
    said = zip("AB", strengths, strict=True)
    rows = [TWO | {"prompt": w, "winner": w, "preference_strength": n} for w, n in said]
    assert labels(pairs_in(lines(tmp_path, *rows))) == [("left", 1), ("right", 1)]


def test_two_answers_of_which_one_is_helpsteers_are_settled_by_the_flag(tmp_path: Path) -> None:
    row = {"prompt": "Q?", "response_1": "x", "response_2": "y", "winner": "response_1"}
    with pytest.raises(InputError, match="both preference_strength and winner"):
        pairs_in(lines(tmp_path, row | {"preference_strength": 2}))


def test_an_overall_preference_above_0_of_other_texts_is_refused(tmp_path: Path) -> None:
    rows = [TWO | {"prompt": str(n), "overall_preference": n} for n in (1, 2)]
    with pytest.raises(InputError, match="no number in 'overall_preference' is below 0"):
        pairs_in(lines(tmp_path, *rows))


@pytest.mark.parametrize(
    "name",
    [
        "Preference (1 = A much better, 5 = B much better)",
        "preference_1_to_7",
        "Likert vote",
        "Preference (1-5)",
        "preference (-3 to 3)",
        "winner 0..4",
    ],
)
def test_numbers_on_a_scale_are_no_numbers_of_the_texts(tmp_path: Path, name: str) -> None:
    rows = [TWO | {"prompt": str(n), name: n} for n in (1, 2)]
    with pytest.raises(InputError, match="may be on a scale"):
        pairs_in(lines(tmp_path, *rows))


@pytest.mark.parametrize(
    "name",
    ["Winner (1=A, 2=B)", "Better (1 = answer A, 2 = answer B, 3 = tie)", "preference 2024-10-05",
     "winner_gpt_3_5_vs_4", "claude-3-5 vs gpt-4 winner", "preferred_version", "best_model",
     "Which model is better?", "preference_first_turn", "winner_round", "total_winner"],
)  # fmt: skip
@pytest.mark.parametrize("two", [(1, 2), ("A", "B")])
def test_a_number_or_a_letter_that_names_a_text_is_a_vote(
    tmp_path: Path, name: str, two: tuple[Any, Any]
) -> None:
    rows = [TWO | {"prompt": str(n), name: said} for n, said in enumerate(two)]
    assert labels(pairs_in(lines(tmp_path, *rows))) == [("left", 1), ("right", 1)]


@pytest.mark.parametrize(
    "name", ["Preference (1-5)", "preference_scale", "preference_id", "Preference (batch 3)"]
)
def test_a_letter_is_a_vote_under_a_name_of_numbers(tmp_path: Path, name: str) -> None:
    rows = [TWO | {"prompt": said, name: said} for said in "AB"]
    assert labels(pairs_in(lines(tmp_path, *rows))) == [("left", 1), ("right", 1)]


@pytest.mark.parametrize("stem", ["votes", "wins"])
def test_numbers_of_votes_are_counts_and_no_numbers_of_the_texts(tmp_path: Path, stem: str) -> None:
    counted = ((2, 0), (1, 2), (1, 1))
    rows = [TWO | {"prompt": f"{n}", f"{stem}_a": n[0], f"{stem}_b": n[1]} for n in counted]
    path = lines(tmp_path, *rows)
    with pytest.raises(InputError, match=f"whether the higher of {stem}_a is preferred"):
        pairs_in(path)
    outcomes = [("left", 1), ("right", 1), ("tie", 1)]
    assert labels(pairs_in(path, f"{stem}_a")) == outcomes


@pytest.mark.parametrize(
    "name",
    ["n_votes", "vote_id", "judgement_id", "vote_round", "total votes", "winner_model_id"],
)
def test_a_number_about_votes_is_no_vote(tmp_path: Path, name: str) -> None:
    rows = [TWO | {"prompt": str(n), name: n} for n in (1, 2)]
    assert labels(pairs_in(lines(tmp_path, *rows))) == []


@pytest.mark.parametrize(
    "said",
    ["Both bad, but A is better", "About the same, B slightly better", "Both good, B better",
     "A (tie-breaker)", "No tie: B", "Response 2, both correct", "Not equal, left",
     "Both are good but I prefer 2", "Both good, 1 is better", "2, both are fine"],
)  # fmt: skip
def test_an_answer_that_names_one_text_is_no_tie(said: str) -> None:
    with pytest.raises(BadRow, match="names one text and says that both are even"):
        preference_from(said, AB)


@pytest.mark.parametrize(
    ("said", "choice"),
    [
        ("Tie (2 votes each)", Choice.TIE), ("Same (1 point each)", Choice.TIE),
        ("draw (1-1)", Choice.TIE), ("Tie 2-2", Choice.TIE), ("Both are 1-star", Choice.TIE),
        ("The 2 responses are equally good", Choice.TIE),
        ("Both have a slightly different tone", Choice.TIE),
        ("Neither of the 2 responses", Choice.BOTH_BAD), ("Both equally bad (1/5)", Choice.BOTH_BAD),
    ],
)  # fmt: skip
def test_a_number_of_votes_or_stars_names_no_text(said: str, choice: Choice) -> None:
    assert preference_from(said, AB) == Preference(choice)


@pytest.mark.parametrize("said", ["A较差", "A不好", "A хуже", "A 나쁨", "Aの方が悪い"])
def test_a_letter_beside_what_says_worse_in_another_script_is_no_vote_for_it(said: str) -> None:
    with pytest.raises(BadRow, match="does not say which"):
        preference_from(said, AB)
    assert (
        preference_from("A更好", AB) == preference_from("Вариант A", AB) == Preference(Choice.LEFT)
    )


@pytest.mark.parametrize(
    "said", ["Neither is better", "neither response is unsafe", "None is worse", "both are not bad"]
)
def test_neither_is_better_says_not_that_both_are_bad(said: str) -> None:
    with pytest.raises(BadRow, match="does not say which"):
        preference_from(said, AB)


@pytest.mark.parametrize(
    ("said", "choice"),
    [
        ("It's a tie", Choice.TIE),
        ("A tie", Choice.TIE),
        ("Both are right", Choice.TIE),
        ("A and B are equal", Choice.TIE),
        ("response_0 and response_1 are equally good", Choice.TIE),
        ("Neither (both are bad)", Choice.BOTH_BAD),
        ("Neither is good", Choice.BOTH_BAD),
        ("A and B are both a bad answer", Choice.BOTH_BAD),
    ],
)
def test_an_article_names_no_text(said: str, choice: Choice) -> None:
    two = Sides("response_0", "response_1") if "0" in said else AB
    assert preference_from(said, two) == Preference(choice)


@pytest.mark.parametrize("names", [("response_a_model", "response_b_model"), ("llm_a", "llm_b")])
def test_a_model_is_named_in_whatever_two_columns(tmp_path: Path, names: tuple[str, str]) -> None:
    both = ("gpt-4", "llama"), ("llama", "gpt-4")
    models = [dict(zip(names, two, strict=True)) for two in both]
    rows = [TWO | {"prompt": str(n), "winner": "llama"} | two for n, two in enumerate(models)]
    assert labels(pairs_in(lines(tmp_path, *rows))) == [("right", 1), ("left", 1)]


@pytest.mark.parametrize(("one", "other"), [("Model 1", "Model 2"), ("A", "B")])
def test_a_name_that_may_be_a_place_is_refused_in_whatever_two_columns(
    tmp_path: Path, one: str, other: str
) -> None:
    rows = [TWO | {"generator_a": one, "generator_b": other, "winner": other}]
    rows += [TWO | {"prompt": "R?", "generator_a": other, "generator_b": one, "winner": other}]
    with pytest.raises(InputError, match="may be a model or a place"):
        pairs_in(lines(tmp_path, *rows))


def test_votes_against_two_texts_are_no_votes_for_them(tmp_path: Path) -> None:
    row = TWO | {"votes_against_a": 2, "votes_against_b": 1}
    with pytest.raises(InputError, match="not clear whether the higher of votes_against_a"):
        pairs_in(lines(tmp_path, row))


def test_grades_are_no_models(tmp_path: Path) -> None:
    row = TWO | {"grade_a": "B", "grade_b": "A", "winner": "B"}
    assert labels(pairs_in(lines(tmp_path, row))) == [("right", 1)]


@pytest.mark.parametrize("stem", ["judge", "annotator", "category", "pred", "tier"])
def test_votes_and_categories_in_two_columns_are_no_models(tmp_path: Path, stem: str) -> None:
    rows = [TWO | {f"{stem}_a": "B", f"{stem}_b": "A", "winner": "B"}]
    rows += [TWO | {"prompt": "R?", f"{stem}_a": "A", f"{stem}_b": "tie", "winner": "A"}]
    assert labels(pairs_in(lines(tmp_path, *rows))) == [("right", 1), ("left", 1)]


def test_the_name_of_a_model_is_clear_where_texts_were_swapped(tmp_path: Path) -> None:
    models = {"model_a": "gpt-4", "model_b": "llama"}
    row = TWO | models | {"winner": "llama", "swapped": True}
    assert labels(pairs_in(lines(tmp_path, row))) == [("right", 1)]
