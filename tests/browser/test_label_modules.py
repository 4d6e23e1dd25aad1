"""The desk's modules by themselves, in a browser: keys, outbox, queue, pace, pair, panels, texts."""

from typing import Any

import pytest
from module_world import ask, draw, drawn, run
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

PAIR: dict[str, Any] = {
    "key": "k1",
    "aspect": "response",
    "practice": False,
    "system": "Be brief.",
    "context": [{"role": "user", "html": "<p>Hello</p>"}],
    "prompt": "How many?",
    "prompt_html": "<p>How <b>many</b>?</p>",
    "left": {"text": "two", "html": "<p>two</p>"},
    "right": {"text": " ", "html": ""},
    "was": None,
}
NOW: dict[str, Any] = {"feedback": None, "pair": None, "practiceLeft": 0, "campaign": {}}
OUTBOX = """
    const said = [];
    const out = new m.Outbox({
        onAnswer: (entry, answer) => said.push([entry.about, answer]),
        onRefusal: (entry, words) => said.push([entry.about, words]),
        onChange: () => {},
    });
"""
ANSWERS = """
    const answers = given[0];
    const sent = [];
    window.fetch = async (url, { body }) => {
        sent.push(url);
        const answer = answers.shift() ?? [200, {}];
        if (answer === "silent") throw new TypeError("nobody is there");
        return new Response(JSON.stringify(answer[1]), { status: answer[0] });
    };
"""


@pytest.fixture(autouse=True)
def _nothing_kept(bare: Page) -> None:
    bare.evaluate("localStorage.clear(); sessionStorage.clear()")


@pytest.mark.parametrize(
    ("press", "meaning"),
    [
        ({"key": "ArrowLeft", "shiftKey": True}, {"action": "left", "strength": 2}),
        ({"key": "X", "shiftKey": True}, {"action": "both_bad", "strength": 1}),
        ({"key": "5"}, {"action": "right", "strength": 2}),
        ({"key": "ч", "code": "KeyX"}, {"action": "both_bad", "strength": 1}),
        ({"key": "é", "code": "Digit2"}, None),
        ({"key": "q"}, None),
    ],
)
def test_a_key_means_an_action_on_any_keyboard(
    bare: Page, press: dict[str, Any], meaning: dict[str, Any] | None
) -> None:
    assert ask(bare, "label/keys", "new m.Keys().meaning(given[0])", press) == meaning


@pytest.mark.parametrize(
    ("action", "press", "against"),
    [
        ("tie", {"key": "Enter"}, "Enter presses a button"),
        ("tie", {"key": " "}, "Space presses a button"),
        ("tie", {"key": "PageDown"}, "PageDown scrolls the pair"),
        ("tie", {"key": "3"}, "The digits 0 to 5 are answers already"),
        ("tie", {"key": "x"}, "x is taken: “Both are bad”"),
        ("tie", {"key": "!", "shiftKey": True}, "Shift means “much better” here"),
    ],
)
def test_what_stands_against_a_key_is_said(
    bare: Page, action: str, press: dict[str, Any], against: str
) -> None:
    assert against in ask(bare, "label/keys", "new m.Keys().bind(...given)", action, press)


def test_a_chosen_key_is_kept_and_two_of_the_same_are_not_believed(bare: Page) -> None:
    sign = "new m.Keys().sign('tie')"
    assert ask(bare, "label/keys", "new m.Keys().bind('tie', { key: 'T' })") is None
    assert ask(bare, "label/keys", sign) == "t"
    bare.evaluate("localStorage.setItem('thrice.label.keys', JSON.stringify({ tie: 'x' }))")
    assert ask(bare, "label/keys", sign) == "↓"
    run(bare, "label/keys", "new m.Keys().reset()")
    assert ask(bare, "label/keys", "new m.Keys().changed") is False


def test_what_is_not_acknowledged_stays_and_is_sent_by_the_next_page_in_order(bare: Page) -> None:
    first = run(
        bare,
        "label/outbox",
        f"{ANSWERS} {OUTBOX} out.put({{ kind: 'vote', about: 'a', body: {{}} }});"
        "out.put({ kind: 'reason', about: 'a', body: {} }); await out.flush(); clearTimeout(out.timer);"
        "return [sent, said, out.trouble, out.about];",
        ["silent"],
    )
    assert first == [["api/v1/labels/a/vote"], [], "the server does not answer", ["a", "a"]]
    bare.evaluate("localStorage.setItem('thrice.label.out.', '{}')")  # what is no entry is left
    again = run(
        bare,
        "label/outbox",
        f"{ANSWERS} {OUTBOX} const drained = await out.drained(); return [sent, said, drained];",
        [[200, {"done": 1}], [200, {}]],
    )
    assert again == [
        ["api/v1/labels/a/vote", "api/v1/labels/a/reason"],
        [["a", {"done": 1}], ["a", {}]],
        True,
    ]
    assert "thrice.label.out." in bare.evaluate("Object.keys(localStorage).join()")


@pytest.mark.parametrize(
    ("status", "told", "stays"),
    [(409, [["a", "No."], ["b", {}]], []), (503, [["b", {}]], ["a"]), (429, [["b", {}]], ["a"])],
)
def test_a_refusal_is_told_and_dropped_and_a_failure_holds_its_pair_alone(
    bare: Page, status: int, told: list[Any], stays: list[str]
) -> None:
    said, about = run(
        bare,
        "label/outbox",
        f"{ANSWERS} {OUTBOX} for (const about of ['a', 'b']) out.put({{ kind: 'skip', about }});"
        "await out.flush(); clearTimeout(out.timer); return [said, out.about];",
        [[status, {"error": "No."}], [200, {}]],
    )
    assert (said, about) == (told, stays)


def test_answers_of_who_was_signed_out_wait_for_that_person(bare: Page) -> None:
    ada = OUTBOX.replace("});\n", "}, 'ada');\n")
    eve = ada.replace("'ada'", "'eve'")
    refused = [404, {"error": "This comparison was not given to you."}]
    out = run(
        bare,
        "label/outbox",
        f"{ANSWERS} {ada} out.put({{ kind: 'vote', about: 'a' }}); await out.flush();"
        "clearTimeout(out.timer); return [said, out.about, out.trouble, out.isStranger];",
        [refused, [200, {"uid": "eve"}]],
    )
    assert out[:2] == [[], ["a"]]
    assert "you are not signed in here any more" in out[2]
    assert out[3] is True
    assert ask(bare, "label/outbox", "new m.Outbox({}, 'eve').about") == []
    back = run(
        bare,
        "label/outbox",
        f"{ANSWERS} {ada} await out.flush(); return [sent, said, out.isStranger];",
        [[200, {"done": 1}]],
    )
    assert back == [["api/v1/labels/a/vote"], [["a", {"done": 1}]], False]
    dropped = run(
        bare,
        "label/outbox",
        f"{ANSWERS} {eve} out.put({{ kind: 'vote', about: 'b' }}); await out.flush();"
        "return [said, out.about];",
        [refused, [200, {"uid": "eve"}]],
    )
    assert dropped == [[["b", "This comparison was not given to you."]], []], "nobody's but hers"


def test_the_queue_asks_for_what_is_missing_and_offers_nothing_twice(bare: Page) -> None:
    found = run(
        bare,
        "label/queue",
        """const bodies = [];
        window.fetch = async (url, { body }) => {
            bodies.push(JSON.parse(body));
            const pairs = [1, 2, 3, 4, 5, 6, 7].map((n) => ({ key: `k${n}` }));
            return new Response(JSON.stringify({ pairs, finished: true }));
        };
        const queue = new m.Queue({ campaign: { id: 3 }, tab: "t", held: ["k1"], onMore: () => {} });
        queue.seen.add("k2");
        await queue.fill();
        const first = queue.take();
        queue.putBack(first);
        queue.forget({ key: "k4" });
        return [bodies, queue.ahead.map((pair) => pair.key), queue.finished];""",
    )
    assert found == [[{"n": 8, "have": ["k1"], "tab": "t"}], ["k3", "k5", "k6", "k7"], True]


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ([403, {"error": "Not for you."}], [None, "Not for you."]),
        ([503, {"error": "Full."}], ["Full.", None]),
        ("silent", ["The server does not answer. It may be restarting; try again in a moment.", None]),
    ],
)  # fmt: skip
def test_a_refused_queue_is_not_asked_again_by_itself(
    bare: Page, answer: Any, state: list[str | None]
) -> None:
    got = run(
        bare,
        "label/queue",
        f"""{ANSWERS}
        const queue = new m.Queue({{ campaign: {{ id: 3 }}, tab: "t", held: [], onMore: () => {{}} }});
        await queue.fill();
        const waits = queue.timer !== 0;
        clearTimeout(queue.timer);
        return [queue.trouble, queue.refused, waits];""",
        [answer],
    )
    assert got == [*state, state[1] is None]


def test_the_pace_leaves_pauses_out_and_forecasts_from_three_answers_on(bare: Page) -> None:
    words, early, later = run(
        bare,
        "label/pace",
        """const pace = new m.Pace(1);
        pace.count(1, 2); pace.count(1, 4);
        const early = pace.forecast_s(10);
        pace.count(1, 900); pace.count(1, 6); pace.count(-1);
        return [new m.Pace(1).words, early, pace.forecast_s(10)];""",
    )
    assert words == "this session: 3, median 4.0 s, 900 per hour"
    assert (early, later) == (0, 40)


def test_a_pair_has_what_was_asked_and_two_sides_and_an_empty_one_says_so(bare: Page) -> None:
    view = "html`<${m.PairView} pair=${given[0]} outcome=${given[1]} diff=${given[2]} />`"
    words = drawn(bare, "label/pair", view, PAIR, None, False)
    assert words == (
        "System messageBe brief.Earlier user messageHelloPromptHow many?Response AtwoResponse B(empty)"
    )
    assert bare.locator(".label-turn b").inner_text() == "many"
    pieces = [["two", "removed"], [" same", "same"], [" new", "added"]]
    draw(bare, "label/pair", view, PAIR | {"pieces": pieces}, "right", True)
    assert bare.locator("[data-side=left] .label-diff").inner_text() == "two same"
    assert bare.locator("[data-side=right] ins").inner_text() == "new"
    assert bare.locator(".hit").get_attribute("data-side") == "right"
    draw(bare, "label/pair", view, PAIR, "both_bad", False)
    assert bare.locator(".hit").count() == 2


@pytest.mark.parametrize(
    ("now", "words"),
    [
        ({}, ""),
        ({"pair": PAIR | {"was": "tie"}}, "Your earlier answer: a tie. Answer again."),
        ({"pair": PAIR}, ""),
        ({"pair": PAIR | {"right": {"text": "two\n"}}}, "Both say the same words: it is a tie."),
        ({"pair": PAIR | {"practice": True}, "practiceLeft": 1}, "Practice 2 of 2: "),
        ({"feedback": {"key": "k1"}}, "Waiting for the explanation from the server…"),
        ({"feedback": {"words": "Correct: a tie.", "markup": "<p>Why</p>"}}, "Correct: a tie.Why"),
    ],
)
def test_the_banner_says_what_kind_of_pair_it_is(
    bare: Page, now: dict[str, Any], words: str
) -> None:
    desk = NOW | {"campaign": {"n_practice": 2}} | now
    assert drawn(bare, "label/told", "html`<${m.Banner} desk=${given[0]} />`", desk).startswith(words)  # fmt: skip


@pytest.mark.parametrize(
    ("queue", "done", "words"),
    [
        ({"refused": "Closed."}, 0, "Closed."),
        ({"finished": True}, 0, "No pair of this campaign is there for you to label."),
        ({"finished": True}, 2, "every pair that is available to you: 2 pairs. Thank you."),
        ({"trouble": "x"}, 0, "The next pair appears by itself"),
        ({"looked": True}, 0, "Every remaining pair is with somebody else"),
        ({}, 0, "Loading the next pair…"),
    ],
)
def test_why_there_is_no_pair_is_said(
    bare: Page, queue: dict[str, Any], done: int, words: str
) -> None:
    assert words in ask(bare, "label/told", "m.emptyWords(given[0], given[1])", queue, done)


@pytest.mark.parametrize(
    ("outbox", "words"),
    [
        ({"waiting": []}, "all saved"),
        ({"waiting": [{"kind": "vote"}]}, "all saved"),
        ({"waiting": [{"kind": "vote"}], "isSlow": True}, "sending 1 vote"),
        ({"waiting": [{"kind": "vote"}, {"kind": "skip"}], "trouble": "No."}, "2 answers waiting: No"),
    ],
)  # fmt: skip
def test_what_is_saved_is_said(bare: Page, outbox: dict[str, Any], words: str) -> None:
    assert ask(bare, "label/told", "m.savedWords(given[0])", outbox) == words


@pytest.mark.parametrize(
    ("key", "left"), [("Enter", [[["k1", "why not"]], True]), ("Escape", [[], True]), ("a", [[], False])]
)  # fmt: skip
def test_enter_saves_a_reason_and_escape_keeps_the_draft(
    bare: Page, key: str, left: list[Any]
) -> None:
    line = {"key": "k1", "words": "a tie", "text": " why not "}
    bare.evaluate("window.done = [[], false]")
    draw(
        bare,
        "label/reason",
        "html`<${m.ReasonLine} line=${m.keep(given[0])} type=${() => {}} "
        "save=${({ key, text }) => window.done[0].push([key, text])} close=${() => { window.done[1] = true; }} />`",
        line,
    )
    bare.get_by_label("Reason for “a tie”").press(key)
    assert bare.evaluate("window.done") == left
    kept = ask(bare, "label/reason", "m.draft()")
    assert (kept is None) == (key == "Enter")
