"""Public formats in small rows of our own: columns as their cards and loaders write them."""

import json
from pathlib import Path
from typing import Any

import pytest

from ptrapp.core.errors import AnswerUnclear, InputError
from ptrapp.interchange import reading
from ptrapp.interchange.files import RowFile
from ptrapp.interchange.formats import Format, Options, Pairs
from ptrapp.interchange.limits import TERMINAL
from ptrapp.interchange.records import JudgedPair, PromptText, Rated


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def read(
    path: Path, options: Options | None = None
) -> tuple[reading.Reading, reading.Checked, list[tuple[str, str, str, list[str]]]]:
    with RowFile(path, TERMINAL) as rows:
        known = reading.understand(rows, options)
        checked = reading.check(rows, known.plan)
    assert checked.mistakes.named == []
    pairs = [one for one in checked.buffered or () if isinstance(one, JudgedPair)]
    shown = [
        (p.prompt.text, p.left.response, p.right.response, [one.outcome for one in p.labels])
        for p in pairs
    ]
    return known, checked, shown


def file_of(folder: Path, *rows: Any) -> Path:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "rows.jsonl"


def compared(left: str, right: str, **more: Any) -> dict[str, Any]:
    return {"prompt": "Q?", left: "x", right: "y"} | more


TREE = {
    "message_tree_id": "t", "tree_state": "ready_for_export",
    "prompt": {
        "text": "Q?", "role": "prompter",
        "replies": [
            {"text": "y", "role": "assistant", "rank": 1, "replies": []},
            {
                "text": "x", "role": "assistant", "rank": 0,
                "replies": [
                    {
                        "text": "And?", "role": "prompter",
                        "replies": [
                            {"text": "n", "role": "assistant", "rank": 1, "replies": []},
                            {"text": "m", "role": "assistant", "rank": 0, "replies": []},
                            {"text": "k", "role": "assistant", "rank": None, "replies": []},
                        ],
                    }
                ],
            },
        ],
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        (compared("response_1", "response_2", preference_strength=-2), "left"),
        (compared("response_1", "response_2", preference_strength=3), "right"),
        (compared("response_1", "response_2", preference_strength=0), "tie"),
        (compared("response1", "response2", overall_preference=1, individual_preference=[{"score": 1}]), "right"),
        (compared("human_ref_A", "human_ref_B", labels=1, score_A=1, score_B=9), "left"),
        (compared("human_ref_A", "human_ref_B", labels=0, score_A=9, score_B=1), "right"),
        (compared("answer_0", "answer_1", score_0=-0.5, score_1=0.5), "right"),
        (compared("answer_0", "answer_1", score_0=0.0, score_1=0.0), "tie"),
        (compared("output_1", "output_2", preference=1), "left"),
        (compared("output_1", "output_2", preference=2.0), "right"),
        (compared("response_a", "response_b", winner="model_b"), "right"),
        (compared("response_a", "response_b", winner="tie (bothbad)"), "both_bad"),
        (compared("response_a", "response_b", winner="A>>B"), "left"),
        (compared("response_a", "response_b", winner="[[B>>A]]"), "right"),
        (compared("response_A", "response_B", label="B>A"), "right"),
        (compared("response_A", "response_B", label="B<<A"), "left"),
        (compared("response_a", "response_b", winner="B=A"), "tie"),
        (compared("response_1", "response_2", winner="2 > 1"), "right"),
        (compared("response_a", "response_b", winner="m2", model_a="m1", model_b="m2"), "right"),
        (compared("response_a", "response_b", winner_model_a=0, winner_model_b=0, winner_tie=1), "tie"),
        (compared("response_0", "response_1", better_response_id=0), "left"),
        (compared("response_0", "response_1", better_response_id=1), "right"),
        (compared("response_a", "response_b", preference="Response B", batch=1, group="A"), "right"),
        (compared("response_a", "response_b", rating_a=2, rating_b=4), "right"),
        (compared("response_a", "response_b", response_a_rating=4, response_b_rating=2), "left"),
    ],
)  # fmt: skip
def test_the_answer_of_a_comparison_names_its_side(
    tmp_path: Path, row: dict[str, Any], outcome: str
) -> None:
    known, _, shown = read(file_of(tmp_path, row))
    assert known.fmt is Format.COMPARISONS
    assert shown == [("Q?", "x", "y", [outcome])]


@pytest.mark.parametrize(
    "row",
    [
        {"input": {"messages": [user("Q?")]}, "preferred_output": [assistant("x")], "non_preferred_output": [assistant("y")]},
        {"conversations": [{"from": "human", "value": "Q?"}], "chosen": {"from": "gpt", "value": "x"}, "rejected": {"from": "gpt", "value": "y"}},
        {"prompt": "Q?", "chosen": [user("Q?"), assistant("x")], "rejected": [user("Q?"), assistant("y")], "messages": [user("Q?"), assistant("x")], "score_chosen": 8.5},
        {"prompt": "Q?", "chosen": json.dumps([assistant("x")], indent=1), "rejected": repr([assistant("y")])},
        {"query": "Q?", "chosen": [{"role": "assistant", "content": [{"type": "text", "text": "x"}]}], "rejected": "array([{'role': 'assistant', 'content': 'y'}], dtype=object)"},
        {"PROMPT ": "Q?", "Chosen": "x", " rejected": "y"},
        {"prompt": "Q?", "chosen": json.dumps(json.dumps([assistant("x")])), "rejected": "[{'content': 'Q?', 'role': 'user'}\n {'content': 'y', 'role': 'assistant'}]".replace("{'content': 'Q?', 'role': 'user'}\n ", "")},
    ],
)  # fmt: skip
def test_a_preference_is_read_under_the_names_of_other_programs(
    tmp_path: Path, row: dict[str, Any]
) -> None:
    known, _, shown = read(file_of(tmp_path, row))
    assert known.fmt is Format.PREFERENCES
    assert shown == [("Q?", "x", "y", ["left"])]


def test_input_system_and_history_belong_to_the_prompt(tmp_path: Path) -> None:
    row = {
        "instruction": "Add.", "input": "1 and 2", "chosen": "x", "rejected": "y", "system": "S",
        "history": [["Hi", "Hello"]],
    }  # fmt: skip
    _, checked, _ = read(file_of(tmp_path, row))
    (pair,) = checked.buffered or ()
    assert isinstance(pair, JudgedPair)
    assert (pair.prompt.text, pair.prompt.system) == ("Add.\n\n1 and 2", "S")
    assert [turn.content for turn in pair.prompt.context] == ["Hi", "Hello"]


@pytest.mark.parametrize(
    ("pairs", "wanted"),
    [
        (Pairs.ALL, [("a", "b", ["right"]), ("a", "c", ["left"]), ("b", "c", ["left"])]),
        (Pairs.BEST_WORST, [("b", "c", ["left"])]),
    ],
)
@pytest.mark.parametrize("kind", ["nectar", "ultrafeedback", "scores"])
def test_ranked_and_rated_answers_are_pairs(
    tmp_path: Path, kind: str, pairs: Pairs, wanted: list[Any]
) -> None:
    ranks = {"a": 2, "b": 1, "c": 3}
    row: dict[str, Any] = {
        "nectar": {
            "prompt": "\n\nHuman: Q? \n\nAssistant: ",
            "answers": [{"answer": name, "model": "m", "rank": rank} for name, rank in ranks.items()],
        },
        "ultrafeedback": {
            "instruction": "Q?",
            "completions": [
                {"response": name, "overall_score": rank, "fine-grained_score": 5.5 - rank}
                for name, rank in ranks.items()
            ],
        },
        "scores": {"prompt": "Q?", "responses": [*ranks], "scores": [4 - n for n in ranks.values()]},
    }[kind]  # fmt: skip
    known, _, shown = read(file_of(tmp_path, row), Options(pairs=pairs))
    assert known.fmt is Format.RANKED
    assert shown == [("Q?", *one) for one in wanted]


def test_every_two_ranked_replies_of_a_tree_are_a_pair(tmp_path: Path) -> None:
    known, checked, shown = read(file_of(tmp_path, TREE))
    assert known.fmt is Format.TREES
    assert shown == [("Q?", "x", "y", ["left"]), ("And?", "m", "n", ["left"])]
    assert dict(checked.left_out) == {"a reply without a rank": 1}
    last = (checked.buffered or [])[-1]
    assert isinstance(last, JudgedPair)
    assert [turn.content for turn in last.prompt.context] == ["Q?", "x"]


def test_deleted_messages_of_a_tree_are_left_out(tmp_path: Path) -> None:
    def reply(text: str, rank: int | None, *replies: Any, **more: Any) -> dict[str, Any]:
        return {"text": text, "role": "assistant", "rank": rank, "replies": [*replies]} | more

    def ask(text: str, *replies: Any, **more: Any) -> dict[str, Any]:
        return {"text": text, "role": "prompter", "replies": [*replies]} | more

    two = (reply("m", 0), reply("n", 1))
    bad = reply("bad", 0, ask("And?", *two), ask("Gone?", *two, deleted=True), deleted=True)
    root = ask("Q?", bad, reply("x", 1), reply("y", 2), reply("", None, deleted=True))
    _, checked, shown = read(file_of(tmp_path, {"message_tree_id": "t", "prompt": root}))
    assert shown == [("Q?", "x", "y", ["left"]), ("And?", "m", "n", ["left"])]
    assert dict(checked.left_out) == {"a deleted message": 3}


def test_a_table_of_messages_gives_the_pairs_of_its_trees(tmp_path: Path) -> None:
    def message(key: str, parent: str | None, role: str, rank: Any = None, **more: Any) -> Any:
        about = {"message_id": key, "parent_id": parent, "role": role, "rank": rank}
        return about | {"text": key, "message_tree_id": "q", "lang": "en"} | more

    rows = [
        message("m", "and", "assistant", 0),
        message("q", None, "prompter"),
        message("y", "q", "assistant", 1.0),
        message("x", "q", "assistant", "0.0"),
        message("and", "x", "prompter"),
        message("n", "and", "assistant", 1),
        message("k", "and", "assistant"),
        message("l", "and", "assistant", 2, deleted=True),
        message("far", "away", "prompter"),
    ]
    known, checked, shown = read(file_of(tmp_path, *rows))
    assert known.fmt is Format.TREES
    assert list(known.unused) == []
    assert shown == [("q", "x", "y", ["left"]), ("and", "m", "n", ["left"])]
    assert dict(checked.left_out) == {
        "a reply without a rank": 1,
        "a deleted message": 1,
        "a message whose thread is not whole in the file": 1,
    }
    last = (checked.buffered or [])[-1]
    assert isinstance(last, JudgedPair)
    assert [turn.content for turn in last.prompt.context] == ["q", "x"]


def test_ratings_inside_of_annotations_count_by_their_mean(tmp_path: Path) -> None:
    def rated(response: str, *ratings: str) -> dict[str, Any]:
        aspects = zip(("honesty", "helpfulness"), ratings, strict=False)
        return {
            "response": response,
            "annotations": {name: {"Rating": one, "Rationale": "r"} for name, one in aspects},
        }

    answers = [rated("a", "2", "5"), rated("b", "4", "N/A"), rated("c", "N/A", "N/A")]
    known, checked, shown = read(file_of(tmp_path, {"instruction": "Q?", "completions": answers}))
    assert known.fmt is Format.RANKED
    assert shown == [("Q?", "a", "b", ["right"])]
    assert "by the mean of the ratings in 'annotations'" in known.plan.said[0]
    assert dict(checked.left_out) == {"an answer without a rank or a rating": 1}


def test_annotations_without_ratings_are_refused_in_words(tmp_path: Path) -> None:
    answers = [{"response": name, "annotations": {"honesty": "good"}} for name in "ab"]
    path = file_of(tmp_path, {"instruction": "Q?", "completions": answers})
    with RowFile(path, TERMINAL) as rows:
        checked = reading.check(rows, reading.understand(rows).plan)
    assert checked.mistakes.named == ["row 1: 'honesty' in 'annotations' has no 'Rating'"]


def test_conversations_of_an_arena_are_pairs_unless_they_part_before_the_end(
    tmp_path: Path,
) -> None:
    def row(winner: str, n_turns: int) -> dict[str, Any]:
        sides = {
            f"conversation_{side}": [
                turn for n in range(n_turns) for turn in (user(f"Q{n}?"), assistant(f"{side}{n}"))
            ]
            for side in "ab"
        }
        return {"question_id": "1", "model_a": "m1", "model_b": "m2", "winner": winner} | sides

    _, checked, shown = read(file_of(tmp_path, row("model_a", 1), row("model_b", 2)))
    assert shown == [("Q0?", "a0", "b0", ["left"])]
    assert dict(checked.left_out) == {
        "a conversation whose two sides part before the last answer": 1
    }
    assert checked.left_out_rows == [
        "line 2: a conversation whose two sides part before the last answer"
    ]


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [user("Q?"), assistant("x")], "label": False},
        {"conversations": [{"from": "human", "value": "Q?"}, {"from": "gpt", "value": "x"}], "kto_tag": False},
        {"instruction": "Q?", "input": "", "output": "x", "kto_tag": False},
        {"prompt": "Q?", "completion": "x", "label": 0},
    ],
)  # fmt: skip
def test_a_labelled_completion_is_one(tmp_path: Path, row: dict[str, Any]) -> None:
    known, checked, _ = read(file_of(tmp_path, row))
    assert known.fmt is Format.UNPAIRED
    (one,) = checked.buffered or ()
    assert isinstance(one, Rated)
    assert (one.prompt.text, one.completion.response, one.good) == ("Q?", "x", False)
    assert "is true or 1 the answer is a good one" in known.plan.said[0]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"prompt": "Q?", "chosen": "x"}, r"what somebody preferred \(chosen\)"),
        ({"prompt": "Q?", "label": "toxic"}, r"\(label\)"),
        ({"prompt": "Q?", "response": "x", "score": 3}, r"\(score\)"),
        ({"question": "Q?", "winner": "A"}, r"\(winner\)"),
        (compared("response_a", "response_b", winner="B>b"), "'B>b' names neither"),
        (compared("response_a", "response_b", winner=0), "'0' names neither of response_a"),
        (compared("response_a", "response_b", response_c="z", winner="A"), "not clear which two"),
        (compared("response_a", "response_b", preference="A", better="B"), "both preference and better"),
        (compared("response_a", "response_b", group="A"), "not clear whether group"),
        (compared("response_a", "response_b", rating=3), "not two of them"),
        (compared("response_0", "response_1", better_response_id=0, safer_response_id=1), "better_response_id and safer_response_id .* --answer-column"),
        ({"instruction": "Q?", "input": "", "output": ["x", "y"]}, r"what somebody preferred \(output\)"),
        ({"prompt": "Q?", "completions": ["x", "y"]}, "nothing that is known says which is better"),
        ({"prompt": "Q?", "chosen": "[{'role': 'assistant', 'content': 'x", "rejected": "y"}, "begins like a list of messages"),
    ],
)  # fmt: skip
def test_what_is_not_clear_is_refused_and_never_becomes_prompts(
    tmp_path: Path, row: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        with RowFile(file_of(tmp_path, row), TERMINAL) as rows:
            reading.understand(rows)


def test_the_flag_settles_which_of_two_answers_is_the_preference(tmp_path: Path) -> None:
    row = compared("response_0", "response_1", better_response_id=0, safer_response_id=1)
    for column, outcome in (("better_response_id", "left"), ("safer_response_id", "right")):
        _, _, shown = read(file_of(tmp_path, row), Options(answer_column=column))
        assert shown == [("Q?", "x", "y", [outcome])]


def test_prompts_of_a_conversation_say_that_its_answer_is_left_out(tmp_path: Path) -> None:
    row = {"conversations": [{"from": "system", "value": "S"}, {"from": "human", "value": "Q?"}, {"from": "gpt", "value": "x"}]}  # fmt: skip
    known, checked, _ = read(file_of(tmp_path, row))
    assert known.fmt is Format.PROMPTS
    assert checked.buffered == [PromptText("Q?", "S")]
    assert sum(checked.left_out.values()) == 1


def annotated(*results: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Returns a Label Studio task over the texts x and y with one annotation."""
    annotation = {"completed_by": 1, "result": list(results), "was_cancelled": False}
    data = {"prompt": "Q?", "answer1": "x", "answer2": "y"}
    return {"id": 1, "data": data, "annotations": [annotation]} | more


def control(name: str, kind: str, **value: Any) -> dict[str, Any]:
    return {"from_name": name, "to_name": "answer1", "type": kind, "value": value}


MIN = {"annotation_id": 1, "annotator": 2, "id": 1, "prompt": "Q?", "answer1": "x", "answer2": "y"}
RECORD = {"fields": {"prompt": "Q?", "response1": "x", "response2": "y"}}


@pytest.mark.parametrize(
    ("row", "outcomes"),
    [
        (annotated(control("hard", "choices", choices=["easy"]), control("q", "choices", choices=["Left is better"])), ["left"]),
        (annotated(control("pw", "pairwise", selected="right"), control("safer", "choices", choices=["answer1"])), ["right"]),
        (annotated(control("stars", "rating", rating=2), control("stars", "rating", rating=4) | {"to_name": "answer2"}), ["right"]),
        (annotated(control("pw", "pairwise", selected="left"), predictions=[{"result": []}], drafts=[{}]), ["left"]),
        (MIN | {"priority": 1, "better": "right"}, ["right"]),
        (MIN | {"mood": "same", "preference": "Answer 1"}, ["left"]),
        (MIN | {"rating1": 5, "rating2": 2, "batch": 2}, ["left"]),
        (MIN | {"batch": 2}, []),
        (RECORD | {"responses": {"helpful1": [{"value": 3, "user_id": "u"}], "helpful2": [{"value": 5, "user_id": "u"}], "tags": [{"value": ["a", "b"], "user_id": "u"}]}}, ["right"]),
        (RECORD | {"responses": {"preference": [{"value": ["response2", "response1"], "user_id": "u"}], "difficulty": [{"value": "same", "user_id": "u"}]}}, ["right"]),
        (RECORD | {"responses": {"preference": [{"value": "response2", "user_id": "u", "status": "draft"}]}}, []),
    ],
)  # fmt: skip
def test_an_annotation_is_read_from_the_control_that_asks_for_the_preference(
    tmp_path: Path, row: dict[str, Any], outcomes: list[str]
) -> None:
    assert read(file_of(tmp_path, row))[2] == [("Q?", "x", "y", outcomes)]


@pytest.mark.parametrize(
    "row",
    [
        annotated(control("q1", "choices", choices=["answer2"]), control("q2", "choices", choices=["answer1"])),
        annotated(control("q1", "pairwise", selected="left"), control("q2", "pairwise", selected="right")),
        MIN | {"q1": "answer2", "q2": "answer1"},
        RECORD | {"responses": {"q1": [{"value": "response2", "user_id": "u"}], "q2": [{"value": "response1", "user_id": "u"}]}},
        RECORD | {"responses": {"q1": [{"value": "response2", "user_id": "u"}], "q2": [{"value": ["response1", "response2"], "user_id": "u"}]}},
    ],
)  # fmt: skip
def test_two_controls_that_name_the_texts_are_settled_by_the_flag(
    tmp_path: Path, row: dict[str, Any]
) -> None:
    path = file_of(tmp_path, row)
    with pytest.raises(AnswerUnclear, match=r"both q\d and q\d .* --answer-column") as refusal:
        read(path)
    assert set(refusal.value.columns) == {"q1", "q2"}
    outcomes = {name: read(path, Options(answer_column=name))[2][0][3][0] for name in ("q1", "q2")}
    assert set(outcomes.values()) == {"left", "right"}


CONFIG = """<View><Text name="p" value="$prompt"/>
  <Choices name="hard" toName="p"><Choice value="same"/><Choice value="harder"/></Choices>
  <Choices toName="p" name="best" choice="single">
    <Choice value="First" alias="answer1"/><Choice value='answer2' /><Choice value="same"/>
    <Choice value="I cannot say"/>
  </Choices>{more}</View>"""


@pytest.mark.parametrize(
    "where", [{"label_config": "CONFIG"}, {"project": {"label_config": "CONFIG"}}]
)
@pytest.mark.parametrize(
    ("more", "results", "outcomes"),
    [
        ("", [control("hard", "choices", choices=["same"]), control("best", "choices", choices=["same"])], ["tie"]),
        ("", [control("best", "choices", choices=["same"]), control("hard", "choices", choices=["same"])], ["tie"]),
        ("<Pairwise name='pw' toName='x,y'/>", [control("best", "choices", choices=["answer1"]), control("pw", "choices", choices=["answer2"])], ["right"]),
        ("", [control("best", "choices", choices=["answer2"])], ["right"]),
    ],
)  # fmt: skip
def test_the_labelling_configuration_says_which_control_compares(
    tmp_path: Path, where: Any, more: str, results: list[Any], outcomes: list[str]
) -> None:
    told = json.loads(json.dumps(where).replace('"CONFIG"', json.dumps(CONFIG.format(more=more))))
    known, _, shown = read(file_of(tmp_path, annotated(*results, **told)))
    assert shown == [("Q?", "x", "y", outcomes)]
    assert known.plan.said == (f"the preference is read from {'pw' if more else 'best'}",)


def test_without_a_configuration_answers_alike_in_two_controls_are_asked_about(
    tmp_path: Path,
) -> None:
    both = [control(name, "choices", choices=["same"]) for name in ("hard", "mood")]
    with pytest.raises(AnswerUnclear, match="--answer-column"):
        read(file_of(tmp_path, annotated(*both)))


PAIR = {"prompt": "Q?", "chosen": "x", "rejected": "y"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b"\xff\xfe" + "prompt,chosen,rejected\r\nQ?,x,y\r\n".encode("utf-16-le")),
        ("a.csv", "prompt,chosen,rejected\nQ?,x,y\n".encode("utf-16-be")),
        ("a.csv", b"sep=;\r\nprompt;chosen;rejected\r\nQ?;x;y\r\n"),
        ("a.csv", b"prompt\tchosen\trejected\nQ?\tx\ty\n"),
        ("a.csv", b"\xef\xbb\xbfprompt|chosen|rejected\nQ?|x|y\n"),
        ("a.json", json.dumps({"prompt": {"0": "Q?"}, "chosen": {"0": "x"}, "rejected": {"0": "y"}}).encode()),
        ("a.json", json.dumps({"columns": [*PAIR], "index": [0], "data": [[*PAIR.values()]]}).encode()),
        ("a.json", json.dumps({name: [value] for name, value in PAIR.items()}).encode()),
        ("a.json", json.dumps({"version": 1, "preferences": [PAIR]}).encode()),
        ("a.json", json.dumps({"features": [{"name": "a"}], "rows": [{"row_idx": 0, "row": PAIR}]}).encode()),
        ("a.json", json.dumps({"data": {"rows": [PAIR], "n": 1}, "status": "ok"}).encode()),
        ("a.json", json.dumps({"0": PAIR}).encode()),
        ("a.json", json.dumps({"results": {"data": {"rows": [{"row_idx": 0, "row": PAIR}]}}}).encode()),
        ("a.json", json.dumps(PAIR, indent=2).encode()),
        ("a.json", json.dumps(PAIR).encode()),
        ("a.jsonl", json.dumps({"rows": [PAIR]}, indent=2).encode()),
    ],
)  # fmt: skip
def test_every_shape_of_a_file_gives_the_same_pair(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    assert read(tmp_path / name)[2] == [("Q?", "x", "y", ["left"])]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.json", json.dumps({"train": [PAIR], "test": [PAIR]}).encode(), r"\(train, test\)"),
        ("a.json", json.dumps({"data": {"train": [PAIR], "test": [PAIR]}}).encode(), r"\(train, test\)"),
        ("a.json", b'{\n "prompt": "Q?",\n "chosen": \n}', "a.json is no JSON: .* line 4"),
        ("a.json", b'{\n "prompt": "Q?"\n}\n{\n "prompt" "x"}', "object 2, at line 4"),
        ("a.xlsx", b"PK\x03\x04rest", "a workbook or a zip"),
    ],
)  # fmt: skip
def test_a_shape_that_cannot_be_read_is_named_in_one_sentence(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words):
        read(tmp_path / name)


def test_a_row_of_which_the_hub_cut_a_cell_is_a_bad_one(tmp_path: Path) -> None:
    rows = [{"row_idx": n, "row": PAIR, "truncated_cells": cut} for n, cut in enumerate([["chosen"], []])]  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps({"features": [], "rows": rows}))
    with RowFile(tmp_path / "a.json", TERMINAL) as file:
        checked = reading.check(file, reading.understand(file).plan)
    assert checked.mistakes.named == ["row 1: the hub cut ['chosen']; take the data set's own file"]
    assert dict(checked.outcomes) == {"left": 1}
