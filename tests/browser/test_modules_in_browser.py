"""The pages' ES modules by themselves, in a browser: what they compute and what they draw."""

import json
from pathlib import Path
from typing import Any

import pytest
from module_world import ask, drawn
from playwright.sync_api import Page

from ptrapp.core import modules
from ptrapp.core.modules import FOLDER

pytestmark = pytest.mark.browser

CELL: dict[str, Any] = {
    "index": 0,
    "candidate": 0,
    "round_id": 1,
    "state": "stored",
    "response": "The answer is 42.",
    "thought": None,
    "thinking": True,
    "thought_end": "model",
    "asked_again": False,
    "truncated": False,
    "correct": None,
    "flip": None,
    "diff": [],
    "version": "base",
    "error": None,
    "n_tokens": 20,
    "n_thought_tokens": 13,
    "thought_s": 0.1,
    "duration_s": 0.2,
}
RUN: dict[str, Any] = {
    "run_id": 7,
    "mode": "refine",
    "state": "done",
    "prompt": "What is 12 + 30?",
    "settings": {"n": 2, "thinking": "always"},
    "cells": [CELL, CELL | {"index": 1, "round_id": 2}],
    "comparisons": [],
    "pin_id": None,
}


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.js")), ids=lambda path: path.stem)
def test_every_module_can_be_read_by_itself(bare: Page, path: Path) -> None:
    name = path.relative_to(FOLDER).with_suffix("").as_posix()
    assert ask(bare, name, "Object.keys(m).length > 0")


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.js")), ids=lambda path: path.stem)
def test_every_module_of_ours_is_checked_by_editors_and_is_one_idea(path: Path) -> None:
    if path.parent.name != "vendor":
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0] == "// @ts-check"
        assert lines[1].startswith("// ")
        assert len(lines) <= 300


@pytest.mark.parametrize(
    ("s", "words"), [(12.2, "13 s left"), (100, "2 min left"), (7200, "2.0 h left")]
)
def test_the_time_left_is_said_in_one_unit(bare: Page, s: float, words: str) -> None:
    assert ask(bare, "words", "m.timeLeft(given[0])", s) == words


def test_a_chain_has_neighbours_and_candidates_every_two(bare: Page) -> None:
    cells = [{"round_id": n} for n in (1, 2, 3)] + [{"round_id": None}]
    pairs = [
        [[pair["left"], pair["right"]] for pair in ask(bare, "sending", "m.pairsOf(given[0])", run)]
        for run in ({"mode": "refine", "cells": cells}, {"mode": "sample", "cells": cells})
    ]
    assert pairs == [[[1, 2], [2, 3]], [[1, 2], [1, 3], [2, 3]]]


@pytest.mark.parametrize(
    ("told", "step"),
    [
        ({"flip": "fixed"}, "fixed"),
        ({"diff": [["a ", "same"], ["b", "new"]]}, "changed"),
        ({"diff": [["a b", "same"]]}, "same"),
        ({}, "untold"),  # neither says a word, or a pair of the run is being compared
        ({"state": "writing", "diff": [["a b", "same"]]}, "untold"),
    ],
)
def test_between_two_rounds_it_is_told_what_is_known(
    bare: Page, told: dict[str, Any], step: str
) -> None:
    cell = {"state": "stored", "flip": None, "diff": []} | told
    assert ask(bare, "card", "m.stepTo(given[0])", cell) == step


@pytest.mark.parametrize(
    ("added", "words"),
    [
        ((2, 0, ""), "2 comparisons sent to “One”."),
        ((1, 1, "1 was left out."), "1 comparison sent to “One”. 1 was left out."),
        ((0, 0, ""), "“One” already has these comparisons."),
        ((0, 1, "1 was left out."), "“One” already has the rest. 1 was left out."),
        ((0, 2, "2 were left out."), "2 were left out."),
    ],
)
def test_what_is_sent_to_a_campaign_is_said(
    bare: Page, added: tuple[int, int, str], words: str
) -> None:
    answer = dict(zip(("n_new", "n_left_out", "note"), added, strict=True))
    bare.route("**/api/v1/campaigns/7/items", lambda route: route.fulfill(json=answer))
    run = {"mode": "refine", "cells": [{"round_id": n} for n in (1, 2, 3)]}
    said = ask(bare, "sending", "await m.sendTo(...given)", {"id": 7, "name": "One"}, run)
    assert said == words


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("left", "Round 1 is better"),
        ("right", "Round 2 is better"),
        ("tie", "Round 1 and Round 2 tie"),
        ("both_bad", "both are bad"),
    ],
)
def test_a_decision_is_said_in_words(bare: Page, outcome: str, words: str) -> None:
    one = {"outcome": outcome, "left": 1, "right": 2}
    assert ask(bare, "run", "m.inWords(given[0], given[1])", RUN, one) == words


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"n_new": 0}, "A tie or two bad answers teach only forms that use them."),
        ({"n_new": 1, "train_every": 3}, "2 more, and a training starts by itself."),
        ({"n_new": 3, "train_every": 3}, "A training is queued."),
        ({"n_new": 3, "n_enough": 10}, "From 10 on, what is trained may serve by itself."),
        ({"n_new": 10, "n_enough": 10}, "Enough to train on."),
    ],
)
def test_a_vote_says_what_it_counts_towards(bare: Page, counts: dict[str, Any], words: str) -> None:
    known = {"version": "base", "train_every": None, "n_enough": 1} | counts
    assert words in ask(bare, "told", "m.countsInWords(given[0])", known)


def test_a_recording_writes_the_thought_first_and_the_verdict_last(bare: Page) -> None:
    rounds = [
        {"thought": "1234", "response": "abcdef", "correct": False},
        {"thought": "1234", "response": "abcdef", "correct": True},
    ]
    states = [ask(bare, "recorded", "m.roundAt(given[0][0], 0, given[1])", rounds, at)
              for at in (0, 0.3, 1.45, 2.6)]  # fmt: skip
    assert [one["state"] for one in states] == ["writing", "writing", "writing", "stored"]
    assert [one["thought"] for one in states] == ["", "1234", "1234", "1234"]
    assert [one["response"] for one in states] == ["", "", "abc", "abcdef"]
    steps = [ask(bare, "recorded", "m.stepAt(given[0], 1, given[1])", rounds, at) for at in (5, 6)]
    assert steps == ["waiting", "fixed"]


def test_go_to_finds_pages_of_the_role_and_runs_by_number(bare: Page) -> None:
    names = "m.placesFor(given[0], given[1]).map(([name]) => name)"
    assert ask(bare, "dialogs", names, "ver", ["Play", "Versions"]) == ["Versions"]
    assert ask(bare, "dialogs", names, "", ["Label"]) == ["Label"]
    assert ask(bare, "dialogs", names, "run 12", ["Play"]) == ["Run 12"]
    assert ask(bare, "dialogs", names, "12", ["Label"]) == []


@pytest.mark.parametrize(("name", "letters"), [("Ada Lovelace", "AL"), ("v-2", "V2"), ("…", "…")])
def test_a_person_is_two_letters(bare: Page, name: str, letters: str) -> None:
    assert ask(bare, "bar", "m.initials(given[0])", name) == letters


def test_a_pair_tells_nothing_but_the_response(bare: Page) -> None:
    side = "html`<${m.Side} letter='A' cell=${given[0]} />`"
    assert drawn(bare, "card", side, CELL | {"correct": True}) == "AThe answer is 42."


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ("The answer is 42.\n", "Both say the same words: it is a tie."),
        ("The answer is 24.", "Which response is better?"),
    ],
)
def test_a_pair_of_the_same_words_says_so(bare: Page, other: str, words: str) -> None:
    board = {"run": RUN, "pair": {"left": CELL, "right": CELL | {"response": other}}}
    foot = "html`<${m.Foot} board=${given[0]} />`"
    rest = {"quiet": {"words": ""}, "now": {"sendable": [], "notice": None}}
    assert words in drawn(bare, "board_bar", foot, board | rest)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"response": ""}, "no response: the model ended its turn at once"),
        ({"response": "", "thought_end": "budget"}, "the model did not finish its thought"),
        ({"response": "", "asked_again": True}, "and again when it was asked to go on"),
        ({"truncated": True}, "The answer is 42. (cut off at the token limit)"),
        ({"state": "failed", "error": "The model failed."}, "The model failed."),
    ],
)
def test_what_is_wrong_with_an_answer_stands_where_it_would(
    bare: Page, changes: dict[str, Any], words: str
) -> None:
    side = "html`<${m.Side} letter='A' cell=${given[0]} />`"
    assert words in drawn(bare, "card", side, CELL | changes)


def test_model_text_stays_text(bare: Page) -> None:
    side = "html`<${m.Side} letter='A' cell=${given[0]} />`"
    hostile = "<img src=x onerror=alert(1)>"
    assert hostile in drawn(bare, "card", side, CELL | {"response": hostile})


def test_a_browser_may_keep_the_modules_and_asks_anew_when_they_change(
    page: Page, app_url: str
) -> None:
    answer = page.request.get(f"{app_url}/{modules.AT}/board.js")
    assert (answer.status, answer.headers["cache-control"]) == (
        200,
        "public, max-age=31536000, immutable",
    )
    assert page.request.get(f"{app_url}/modules/0123456789ab/board.js").status == 404
    assert page.request.get(f"{app_url}/{modules.AT}/../../styles/tokens.css").status == 404


def test_the_vendored_libraries_have_their_licences() -> None:
    readme = (FOLDER / "vendor" / "README.md").read_text(encoding="utf-8")
    for script in (FOLDER / "vendor").glob("*.js"):
        licence = FOLDER / "vendor" / f"LICENSE.{script.stem}"
        assert "Copyright" in licence.read_text(encoding="utf-8") or "Apache" in json.dumps(readme)
        assert f"`{script.name}`" in readme
