"""What the pages' modules share: storage, requests, keys, the quiet moment; and the board's keys."""

from typing import Any

import pytest
from module_world import ask, run
from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def test_what_is_kept_comes_back_and_can_be_dropped(bare: Page) -> None:
    found = run(
        bare,
        "storage",
        """const store = m.storage("part");
        store.write("out.b", [1]); store.write("out.a", { x: "ä" }); store.write("else", 0);
        const again = m.storage("part");
        const names = again.names("out.").sort();
        const read = [again.read("out.a"), again.read("out.b"), again.read("nothing")];
        again.drop("out.a");
        return [names, read, store.read("out.a"), m.storage("other").read("else")];""",
    )
    assert found == [["out.a", "out.b"], [{"x": "ä"}, [1], None], None, None]


@pytest.mark.parametrize(
    "area",
    [
        "() => { throw new DOMException('no storage here'); }",
        "() => ({ getItem: () => null, removeItem() {}, setItem() { throw new DOMException('full'); } })",
    ],
)
def test_where_a_browser_keeps_nothing_values_live_as_long_as_the_page(
    bare: Page, area: str
) -> None:
    found = run(
        bare,
        "storage",
        f"""const store = m.storage("none", {area});
        store.write("a", 5);
        const kept = store.read("a");
        store.drop("a");
        return [kept, store.read("a")];""",
    )
    assert found == [5, None]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, '{"a": 1}', None),
        (200, "<html>a proxy</html>", ["NoAnswer", None, "The server does not answer."]),
        (409, '{"error": "Taken."}', ["Refusal", 409, "Taken."]),
        (502, "<html></html>", ["Refusal", 502, "The server answered 502."]),
        (0, "", ["NoAnswer", None, "The server does not answer."]),
    ],
)
def test_a_call_answers_or_says_why_not(
    bare: Page, status: int, body: str, error: list[Any] | None
) -> None:
    found = run(
        bare,
        "requests",
        """const [status, body] = given;
        window.fetch = async (url, { method, body: sent }) => {
            window.asked = [url, method, sent];
            if (!status) throw new TypeError("nobody is there");
            return new Response(body, { status });
        };
        try { return [null, await m.call("POST", "/x", { b: 2 })]; }
        catch (e) { return [[e instanceof m.Refusal ? "Refusal" : "NoAnswer", e.status ?? null, e.message], null]; }""",
        status,
        body,
    )
    assert bare.evaluate("window.asked") == ["api/v1/x", "POST", '{"b":2}']
    if error is None:
        assert found == [None, {"a": 1}]
    else:
        assert found[0][:2] == error[:2]
        assert found[0][2].startswith(error[2])


def test_what_may_be_repeated_is_not_waited_for_for_ever(bare: Page) -> None:
    aborted = run(
        bare,
        "requests",
        """AbortSignal.timeout = (ms) => { window.within = ms; return AbortSignal.abort(); };
        window.fetch = async (url, { signal }) => { signal.throwIfAborted(); };
        try { await m.ask("GET", "/x"); return false; } catch (e) { return e instanceof m.NoAnswer; }""",
    )
    assert aborted
    assert bare.evaluate("window.within") == 15_000


def test_who_fails_again_waits_longer_but_not_for_ever(bare: Page) -> None:
    waits = ask(bare, "requests", "[1, 2, 3, 9, 50].map(m.patience_ms)")
    assert waits == [1000, 2000, 4000, 30_000, 30_000]


def test_names_are_fresh_where_the_page_is_not_served_over_tls(bare: Page) -> None:
    names = run(
        bare,
        "requests",
        "crypto.randomUUID = undefined; return [m.freshId(), m.freshId()];",
    )
    assert len(set(names)) == 2
    assert all(len(name) == 32 and int(name, 16) >= 0 for name in names)


def test_keys_are_heard_while_the_part_is_there_and_then_no_more(bare: Page) -> None:
    heard = run(
        bare,
        "page",
        """const part = document.body.appendChild(document.createElement("div"));
        const heard = [];
        m.onKeys(part, ({ key }) => heard.push(key));
        const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", { key }));
        press("a"); part.remove(); press("b"); document.body.append(part); press("c");
        return heard;""",
    )
    assert heard == ["a"]


@pytest.mark.parametrize(
    ("markup", "writes"),
    [
        ("<input>", True),
        ("<input type=checkbox>", False),
        ("<textarea></textarea>", True),
        ("<div contenteditable=true></div>", True),
        ("<button></button>", False),
    ],
)
def test_keys_sleep_while_somebody_writes(bare: Page, markup: str, writes: bool) -> None:
    body = "document.body.innerHTML = given[0]; return m.typing(document.body.firstChild);"
    assert run(bare, "page", body, markup) is writes


def test_a_press_that_comes_too_soon_is_seen_then_only_said_then_over(bare: Page) -> None:
    seen = run(
        bare,
        "quiet",
        """const waits = [];
        const wait = window.setTimeout;
        window.setTimeout = (then, ms) => waits.push([then, ms]);
        const quiet = new m.Quiet(() => {});
        quiet.begin();
        const now = quiet.isNow;
        quiet.began -= 400;
        const states = [[now, quiet.isNow]];
        quiet.refuse();
        for (let at = 0; at < 2; at++) { states.push([quiet.isSeen, quiet.words]); waits[at][0](); }
        states.push([quiet.isSeen, quiet.words], waits.map(([, ms]) => ms));
        window.setTimeout = wait;
        return states;""",
    )
    words = "Too soon, not counted"
    assert seen == [[True, False], [True, words], [False, words], [False, ""], [300, 1200]]


CELLS = [{"round_id": n + 1, "index": n, "candidate": 0} for n in range(2)]
BOARD: dict[str, Any] = {
    "readOnly": False,
    "run": {
        "state": "done",
        "mode": "refine",
        "judge": "rules",
        "cells": CELLS,
        "settings": {"thinking": "always"},
    },
    "now": {"offer": None, "sendable": []},
    "composer": {"isFolded": True},
}
UNJUDGED = {"state": "done", "mode": "refine", "judge": None, "cells": CELLS}
OFFER = {"now": {"offer": {"key": "k", "left": 1, "right": 2}}}


@pytest.mark.parametrize(
    ("board", "keys"),
    [
        ({}, "12dlru"),
        ({"now": {"offer": None, "sendable": [{"id": 1, "name": "Tea"}]}}, "12dlru Escape"),
        ({"readOnly": True}, "d"),
        ({"run": BOARD["run"] | {"settings": {}}}, "12dlu"),  # no form made it
        ({"composer": {"isFolded": False}}, "12dlu"),
        ({"run": {"state": "running", "mode": "refine", "cells": CELLS[:1]}}, "du Escape"),
        (OFFER, "jx ArrowDown ArrowLeft ArrowRight Escape"),
        (OFFER | {"run": UNJUDGED}, "jx ArrowDown ArrowLeft ArrowRight Escape"),
        (OFFER | {"readOnly": True}, ""),
    ],
)
def test_each_state_of_the_board_has_its_own_keys(
    bare: Page, board: dict[str, Any], keys: str
) -> None:
    every = [*"123 dlrujxqh", "ArrowDown", "ArrowLeft", "ArrowRight", "Escape", "Enter"]
    found = run(
        bare,
        "board_keys",
        "return given[1].filter((key) => m.actionOf(given[0], { key, shiftKey: false }));",
        BOARD | board,
        every,
    )
    letters = "".join(sorted(key for key in found if len(key) == 1))
    assert " ".join([letters, *sorted(key for key in found if len(key) > 1)]).strip() == keys


@pytest.mark.parametrize(
    ("key", "said"),
    [("ArrowLeft", ["left", 2]), ("ArrowDown", ["tie", 1]), ("x", ["both_bad", 1])],
)
def test_shift_makes_one_side_much_better_and_a_tie_a_tie(
    bare: Page, key: str, said: list[Any]
) -> None:
    told = run(
        bare,
        "board_keys",
        """const sent = [];
        window.fetch = async (url, { body }) => {
            sent.push(JSON.parse(body).outcome, JSON.parse(body).strength);
            return new Response(JSON.stringify({ counts: null, note: "" }));
        };
        const quiet = { isNow: false, decided_ms: 900 };
        const work = [];
        const board = { ...given[0], quiet, attempt: (task) => work.push(task()), refresh: async () => {} };
        m.actionOf(board, { key: given[1], shiftKey: true })();
        await Promise.all(work);
        return sent;""",
        BOARD | OFFER,
        key,
    )
    assert told == said


def test_where_no_judge_can_be_asked_its_key_says_why(bare: Page) -> None:
    said = run(
        bare,
        "board_keys",
        """const said = [];
        const board = { ...given[0], say: (words) => said.push(words) };
        m.actionOf(board, { key: "j", shiftKey: false })();
        return said;""",
        BOARD | OFFER | {"run": UNJUDGED},
    )
    assert said == ["The verifier needs a reference answer, and this prompt has none."]


@pytest.mark.parametrize(
    ("undone", "words"),
    [(7, "Your last vote on this run is undone."), (None, "You have no vote on this run.")],
)
def test_an_undo_on_play_is_of_the_run_that_is_shown(
    bare: Page, undone: int | None, words: str
) -> None:
    path, run_id, said = run(
        bare,
        "board_asking",
        """const seen = [];
        window.fetch = async (url, { body }) => {
            seen.push(url, JSON.parse(body).run_id);
            return new Response(JSON.stringify({ undone: given[0] }));
        };
        const say = (words) => seen.push(words);
        const board = { run: { run_id: 5 }, now: {}, say, attempt: (work) => work(), refresh: async () => {} };
        await m.undo(board);
        return seen;""",
        undone,
    )
    assert (path, run_id, said) == ("api/v1/votes/undo", 5, words)
