"""The desk as a whole on an empty page, against a double of its routes: no app is needed."""

from collections.abc import Iterator
from typing import Any

import pytest
from module_world import run
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

CAMPAIGN: dict[str, Any] = {
    "id": 3, "name": "Sums", "state": "open", "guidelines": "", "guidelines_html": "", "reveal": True,
    "n_practice": 0, "practice_left": 0, "n_done_by_me": 2, "n_left_for_me": 3,
}  # fmt: skip
SERVER = """
    const pair = (key) => ({ key, aspect: "response", practice: false, system: null, context: [], was: null, was_much: false,
        prompt: key, prompt_html: `<p>${key}</p>`, left: { text: "l", html: "l" }, right: { text: "r", html: "r" } });
    const told = { version: "base", thought: "", correct: true };
    const routes = {
        next: () => ({ pairs: ["k1", "k2", "k3"].map(pair), done: 2, practice_left: 0, finished: true }),
        vote: () => ({ done: 3, counted: true, practice: null, note: window.note ?? "" }),
        campaigns: () => window.campaigns,
        skip: () => ({}), flag: () => ({}),
        undo: () => ({ pair: { ...pair("k1"), was: window.skipped ? null : "left", was_much: true } }),
        reveal: () => ({ left: told, right: { ...told, correct: false } }),
        diff: () => ({ pieces: [["l", "removed"], ["r", "added"]] }),
    };
    window.sent = [];
    window.campaigns = [];
    window.down = false;
    window.fetch = async (url, { body }) => {
        if (window.down) throw new TypeError("nobody is there");
        const name = url.split("/").at(-1);
        window.sent.push([url.replace("api/v1/", ""), body ? JSON.parse(body) : null]);
        return new Response(JSON.stringify(routes[name]()));
    };
    localStorage.clear(); sessionStorage.clear();
    document.body.innerHTML = "<div id='to' class='label'></div>";
    window.desk = new m.Desk(document.getElementById("to"), "tab1", given[0], { name: "Ada" }, []);
    window.read = () => { window.desk.quiet.began -= 1000; };
"""


@pytest.fixture
def desk(bare: Page) -> Iterator[Page]:
    """A page with an open desk whose first pair could be read."""
    run(bare, "label/desk", SERVER, CAMPAIGN)
    expect(bare.locator(".label-turn .label-text")).to_have_text("k1")
    bare.evaluate("window.read()")
    yield bare
    bare.evaluate("clearTimeout(window.desk.outbox.timer)")


def act(page: Page, action: str, strength: int = 1) -> None:
    page.evaluate("([action, strength]) => window.desk.act(action, strength)", [action, strength])


def test_gold_and_repeats_on_top_do_not_make_the_desk_say_that_all_is_done(bare: Page) -> None:
    more = SERVER.replace(
        "done: 2, practice_left: 0, finished: true", "done: 5, practice_left: 0, finished: false"
    )
    more += "window.campaigns = [{ id: 3, state: 'open', n_done_by_me: 5, n_left_for_me: 7 }];"
    run(bare, "label/desk", more, CAMPAIGN)
    expect(bare.locator(".label-where")).to_have_text("5 of 12")
    bare.evaluate("clearTimeout(window.desk.outbox.timer)")


def votes(page: Page) -> list[Any]:
    return [body for url, body in page.evaluate("window.sent") if url.endswith("/vote")]


def test_an_answer_is_lit_at_once_and_the_next_pair_follows(desk: Page) -> None:
    lit = desk.evaluate(
        """() => {  // in one go: it is lit for 150 ms
            window.desk.act("left", 2);
            const classes = document.querySelector("[data-part=left-much]").className;
            return [document.querySelector(".label-side.hit").dataset.side, classes];
        }"""
    )
    assert lit == ["left", "label-answer hit"]
    expect(desk.locator(".label-turn .label-text")).to_have_text("k2")
    expect(desk.locator(".label-side.hit")).to_have_count(0)
    expect(desk.locator(".label-live")).to_have_text("Pair 3 saved")
    assert [(vote["outcome"], vote["strength"]) for vote in votes(desk)] == [("left", 2)]
    assert desk.locator(".label-where").inner_text() == "3 of 5"


def test_what_the_server_says_of_a_vote_is_shown(desk: Page) -> None:
    desk.evaluate("window.note = 'Nothing is learnt from it.'")
    act(desk, "left")
    expect(desk.locator(".label-status")).to_contain_text("Nothing is learnt from it.")
    expect(desk.locator(".label-turn .label-text")).to_have_text("k2")
    expect(desk.locator(".label-status")).to_contain_text("Nothing is learnt from it.")


def test_a_press_while_one_is_lit_or_too_soon_is_refused(desk: Page) -> None:
    act(desk, "left")
    act(desk, "right")
    assert desk.locator(".label-refusal").inner_text() == "Too soon, not counted"
    expect(desk.locator(".label-turn .label-text")).to_have_text("k2")
    desk.evaluate("window.desk.quiet.began = performance.now()")
    act(desk, "skip")
    expect(desk.locator(".label-turn .label-text")).to_have_text("k2")
    assert len(votes(desk)) == 1


def test_that_something_has_to_wait_is_said_no_longer_than_it_does(desk: Page) -> None:
    desk.evaluate("window.note = ''; window.down = true")
    act(desk, "left")
    act(desk, "undo")
    expect(desk.locator(".label-status")).to_contain_text("Undo has to wait until your answers")
    desk.evaluate("window.down = false")
    desk.evaluate("window.dispatchEvent(new Event('online'))")
    expect(desk.locator(".label-status")).to_contain_text("All is saved now: press it again.")
    act(desk, "undo")
    expect(desk.locator(".label-turn .label-text")).to_have_text("k1")


def test_undo_waits_for_what_is_unsent_and_then_brings_the_pair_back(desk: Page) -> None:
    desk.evaluate("window.down = true")
    act(desk, "left")
    expect(desk.locator("[data-part=stored]")).to_have_text(
        "1 vote waiting: the server does not answer"
    )
    act(desk, "undo")
    expect(desk.locator(".label-status")).to_contain_text("Undo has to wait until your answers")
    desk.evaluate("window.down = false")
    act(desk, "undo")
    expect(desk.locator(".label-banner")).to_have_text(
        "Your earlier answer: A is much better. Answer again."
    )
    expect(desk.locator(".label-turn .label-text")).to_have_text("k1")
    was = desk.locator(".label-answer.was")
    expect(was).to_have_attribute("data-part", "left-much")
    assert len(votes(desk)) == 1


def test_a_skip_is_taken_back_as_such_and_no_answer_is_counted_off(desk: Page) -> None:
    desk.evaluate("window.skipped = true")
    act(desk, "skip")
    expect(desk.locator(".label-turn .label-text")).to_have_text("k2")
    act(desk, "undo")
    expect(desk.locator(".label-turn .label-text")).to_have_text("k1")
    assert "The pair that you skipped is here again." in desk.locator(".label-status").inner_text()
    assert desk.locator(".label-where").inner_text() == "2 of 5"


def test_the_last_pair_is_told_after_an_answer_alone(desk: Page) -> None:
    act(desk, "reveal")
    expect(desk.locator(".label-status")).to_contain_text("You have not answered a pair yet.")
    act(desk, "tie")
    expect(desk.locator("[data-part=reveal]")).to_have_attribute("aria-disabled", "false")
    act(desk, "reveal")
    panel = desk.get_by_role("complementary", name="The last pair")
    expect(panel.locator("h4")).to_have_text(["A: base ✓ correct", "B: base ✗ incorrect"])
    expect(panel.get_by_role("heading", name="The last pair")).to_be_focused()


def test_a_panel_opens_and_closes_by_its_key_and_takes_a_new_one(desk: Page) -> None:
    act(desk, "help")
    desk.locator("[data-part=key-skip]").click()
    expect(desk.locator("[data-part=key-skip]")).to_have_text("press a key…")
    taken = desk.evaluate(
        """async () => {
            const { capture } = await import("./label/panels.js");
            const press = (key) => capture(window.desk, new KeyboardEvent("keydown", { key }));
            return ["Shift", "u", "n", "n"].map(press);
        }"""
    )
    assert taken == [True, True, True, False], "a modifier waits, u is taken, n is free"
    expect(desk.locator("[data-part=skip] kbd")).to_have_text("n")
    act(desk, "help")
    expect(desk.locator(".label-panel")).to_have_count(0)
    act(desk, "guidelines")
    expect(desk.locator(".label-panel")).to_contain_text("This campaign has no guidelines.")


def test_differences_are_asked_for_once_and_a_flag_is_sent_as_it_stands(desk: Page) -> None:
    act(desk, "diff")
    expect(desk.locator("[data-side=right] ins")).to_have_text("r")
    act(desk, "diff")
    expect(desk.locator("[data-side=right] .label-text")).to_have_text("r")
    act(desk, "diff")
    expect(desk.locator("[data-side=left] mark")).to_have_text("l")
    act(desk, "flag")
    act(desk, "flag")
    expect(desk.locator("[data-part=flag]")).to_have_attribute("aria-pressed", "false")
    desk.wait_for_function("window.sent.filter(([url]) => url.endsWith('/flag')).length === 2")
    sent = desk.evaluate("window.sent")
    assert [body["flagged"] for url, body in sent if url.endswith("/flag")] == [True, False]
    assert sum(url.endswith("/diff") for url, _ in sent) == 1


def test_the_end_says_how_many_and_where_else_something_is_left(desk: Page) -> None:
    desk.evaluate("""window.campaigns = [
        { id: 3, name: 'Sums', state: 'open', n_done_by_me: 2, n_left_for_me: 0 },
        { id: 9, name: 'Next', state: 'open', n_left_for_me: 4 },
        { id: 8, name: 'Paused', state: 'paused', n_left_for_me: 7 },
        { id: 7, name: 'Done', state: 'open', n_left_for_me: 0 }]""")
    for key in ("k1", "k2", "k3"):
        expect(desk.locator(".label-turn .label-text")).to_have_text(key)
        desk.evaluate("window.read()")
        act(desk, "skip")
    empty = desk.locator(".label-empty")
    expect(empty).to_contain_text("2 pairs. Thank you.")
    expect(empty.get_by_role("link")).to_have_text(["Next (4 left)", "Home"])


@pytest.mark.parametrize(
    ("way", "side"),
    [
        ([(200, 10), (110, 12)], ["left"]),
        ([(100, 10), (190, 0)], ["right"]),
        ([(200, 10), (150, 10)], []),
        ([(200, 10), (110, 90)], []),
    ],
)
def test_a_swipe_is_long_and_goes_sideways(
    bare: Page, way: list[tuple[int, int]], side: list[str]
) -> None:
    found = run(
        bare,
        "label/swipe",
        """const node = document.body.appendChild(document.createElement("div"));
        const sides = [];
        m.watchSwipes(node, (side) => sides.push(side));
        const touch = (type, [x, y]) => node.dispatchEvent(
            new PointerEvent(type, { clientX: x, clientY: y, pointerId: 1, pointerType: "touch" }));
        const [from, to] = given[0];
        touch("pointerdown", from); touch("pointermove", to);
        const towards = node.className;
        touch("pointerup", to);
        return [sides, towards.includes("towards"), node.className];""",
        way,
    )
    assert found[0] == side
    assert found[1] == (abs(way[1][0] - way[0][0]) >= 80)
    assert found[2].strip() == ""


def test_without_a_campaign_the_list_stays_and_a_name_can_be_changed(bare: Page) -> None:
    opened = run(
        bare,
        "label/start",
        """document.body.innerHTML = "<div id='to'></div>";
        window.fetch = async (url, { method }) => new Response(JSON.stringify(
            url.endsWith("campaigns") ? [1, 2].map((id) => ({ id, state: "open" })) : { name: method === "POST" ? "Eve" : "Ada" }));
        let stayed = 0;
        await m.enter(document.getElementById("to"), () => { stayed -= 1; }, () => { stayed += 1; });
        return stayed;""",
    )
    assert opened == 1
    bare.get_by_text("You are Ada").click()
    expect(bare.get_by_label("Your name")).to_be_focused()
    bare.get_by_role("button", name="Save name").click()
    expect(bare.locator("summary")).to_have_text("You are Eve")
    expect(bare.locator("summary")).to_be_focused()
