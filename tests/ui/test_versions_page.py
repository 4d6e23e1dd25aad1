"""The Versions page's parts: plots that Vega-Lite reads, cells in which people's text is text."""

import json
from dataclasses import replace
from typing import Any

import pytest

from ptrapp.analysis.estimates import Estimate
from ptrapp.analysis.intervals import Interval, wilson
from ptrapp.services.leaderboard.findings import Finding
from ptrapp.services.leaderboard.rows import Leaderboard, RoundFigures, VersionRow
from ptrapp.services.leaderboard.win_rates import VersionWinRate
from ptrapp.ui import versions_plots as plots
from ptrapp.ui import versions_table as drawn
from ptrapp.ui.plotting import drawn_once
from ptrapp.ui.theme import THEME

INTERVAL = {"rate": 60.0, "low": 50.0, "high": 70.0, "n": 100}
NAMED = {"version": "dpo-000001", "id": 1}
POINTS: list[tuple[Any, list[dict[str, Any]]]] = [
    (plots.accuracy_by_round, [{**NAMED, **INTERVAL, "round": 1}]),
    (plots.fixed_and_broken, [{**NAMED, "round": 2, "kind": "fixed", "count": 3, "n": 100}]),
    (plots.forest, [{**NAMED, **INTERVAL, "who": "people"}]),
    (plots.progress, [{**NAMED, **INTERVAL, "who": "people", "step": 1}]),
    (
        plots.lengths,
        [{**NAMED, "step": 1, "kind": "thought", "tokens": 9, "low": 8, "high": 10, "n": 100}],
    ),
    (plots.quality_by_votes, [{**NAMED, **INTERVAL, "votes": 40}]),
]


@pytest.mark.parametrize(("draw", "points"), POINTS, ids=lambda one: getattr(one, "__name__", ""))
def test_a_plot_is_valid_self_contained_and_in_tokens(
    draw: Any, points: list[dict[str, Any]]
) -> None:
    finding = Finding("It is better", "By 3 points.", points)
    spec = draw(finding).to_dict()  # checked against Vega-Lite's schema
    assert json.dumps(points) in json.dumps(spec)
    assert spec["usermeta"]["embedOptions"]["renderer"] == "svg"
    assert spec["description"] == "It is better. By 3 points."
    assert "url" not in json.dumps({key: spec[key] for key in spec if key != "$schema"})
    colours = [word for word in json.dumps(spec).split('"') if word.startswith("#")]
    assert colours == [], "every colour is a token, which has both themes"


def test_one_point_alone_stands_on_a_scale_that_says_something() -> None:
    even = [{**NAMED, "rate": 50.0, "low": 50.0, "high": 50.0, "n": 40, "who": "verifier"}]
    forest = plots.forest(Finding("0 of 1", "40 votes.", even)).to_dict()
    scales = [one["encoding"]["x"]["scale"]["domain"] for one in forest["layer"]]
    assert scales == [[40, 60]] * 3
    wide = [{**even[0], "low": 12.0, "high": 88.0}]
    forest = plots.forest(Finding("0 of 1", "40 votes.", wide)).to_dict()
    assert forest["layer"][0]["encoding"]["x"]["scale"]["domain"] == [12, 88]


def test_what_was_broken_stands_to_the_left_as_a_share_without_a_sign() -> None:
    shares = [{**NAMED, "round": 2, "kind": "fixed", "count": 1, "share": 2.5, "n": 40},
              {**NAMED, "round": 2, "kind": "broken", "count": 4, "share": -10.0, "n": 40}]  # fmt: skip
    x = plots.fixed_and_broken(Finding("", "", shares)).to_dict()["encoding"]["x"]
    assert x["field"] == "share"
    assert x["axis"]["labelExpr"] == "format(abs(datum.value), '~g')"


def test_a_few_versions_are_named_below_a_plot_and_many_are_not() -> None:
    def along(n: int) -> str:
        of = {"kind": "thought", "tokens": 9, "low": 8, "high": 10, "n": 100}
        points = [{"version": f"v{id_}", "id": id_, "step": id_, **of} for id_ in range(n)]
        drawn = plots.lengths(Finding("", "", points)).to_dict()
        return str(drawn["layer"][0]["encoding"]["x"]["field"])

    assert (along(2), along(40)) == ("version", "step")


def test_the_same_findings_are_drawn_once_and_others_anew() -> None:
    n_drawn: list[str] = []

    def draw(finding: Finding) -> Any:
        n_drawn.append(finding.heading)
        return plots.lengths(finding)

    points = [{**NAMED, "step": 1, "kind": "thought", "tokens": 9, "low": 8, "high": 10, "n": 100}]
    first = drawn_once(draw, Finding("Longer", "By 3.", points))
    again = drawn_once(draw, Finding("Longer", "By 3.", [dict(points[0])]))
    assert again == first
    assert json.loads(first.plot)["description"] == "Longer. By 3."
    other = drawn_once(draw, Finding("Longer", "By 4.", points))
    assert json.loads(other.plot)["description"] == "Longer. By 4."
    assert n_drawn == ["Longer", "Longer"]


ROW = VersionRow(
    id=1, name="dpo-000001", title="<b>mine</b>", note="it's <i>good</i>", parent="base",
    method="DPO", trained_on="40 votes", status="ready", gate="waits", verdict='"worse" <by> 3',
    rounds=(
        RoundFigures(1, 200, 150, 0.75, wilson(150, 200), Estimate(200, 12.4, Interval(12, 13)),
                     Estimate(200, 30.0, Interval(29, 31)), None, None),
    ),
    job_id=2, against_base=(VersionWinRate("<people>", 43, 0.6, 0.5, 0.7),), against_parent=(),
    created_at=None,
)  # fmt: skip
BASE = replace(ROW, id=None, name="base", title="", note="", parent="", gate="", rounds=())


def board(*rows: VersionRow) -> Leaderboard:
    return Leaderboard("generated", ("generated",), rows, rows[-1], (), (), len(rows) - 1, 1, 1)


def test_every_figure_has_its_interval_and_its_n() -> None:
    (first, base), names = drawn.cells(board(ROW, BASE)), drawn.headers(board(ROW, BASE))
    assert names == [
        "Version", "Trained on", "Gate", "Round 1", "Won against base", "Against parent",
        "Thought · response", "Made",
    ]  # fmt: skip
    assert len(first) == len(base) == len(names)
    cells = dict(zip(names, first, strict=True))
    assert cells["Round 1"] == "<b>75.0</b><small>68.6 to 80.5 · n 200</small>"
    assert "60.0 %" in cells["Won against base"]
    assert "50.0 to 70.0 · &lt;people&gt;, n 43" in cells["Won against base"]
    assert cells["Thought · response"] == "<b>12 · 30</b><small>tokens</small>"
    assert "–" in dict(zip(names, base, strict=True))["Round 1"]


def test_versions_that_were_asked_in_different_ways_are_said_not_to_compare() -> None:
    later = replace(ROW, asked="greedy, thinking later")
    other = replace(later, id=2, name="dpo-000002")
    demo = replace(later, id=3, name="<demo>", asked="greedy, thinking always")
    said = drawn.ways([later, demo, other, BASE])
    assert "do not compare. &lt;demo&gt;: greedy, thinking always; the others: greedy, " in said
    assert drawn.ways([later, other, BASE]) == ""


def test_the_share_of_thoughts_that_a_version_ended_itself_is_with_their_length() -> None:
    row = replace(ROW, rounds=(replace(ROW.rounds[0], ended_itself=0.624),))
    assert "<small>tokens · 62% ended by itself</small>" in drawn.cells(board(row, BASE))[0][-2]


def test_peoples_text_is_text() -> None:
    cells = "".join(drawn.cells(board(ROW, BASE))[0])
    notice = drawn.notice([ROW], "<base>")
    line = drawn.headline("<v> is better", "by <3>")
    for hostile in ("<b>mine", "<i>good", "<by>", "<base>", "<v>", "<3>"):
        assert hostile not in cells + notice + line
    assert "waits: &quot;worse&quot; &lt;by&gt; 3" in notice


def test_only_what_the_gate_holds_is_told_above_the_table() -> None:
    passed = replace(ROW, gate="passed")
    measuring = replace(ROW, gate="measuring")
    assert drawn.notice([passed], "base") == ""
    assert "is measured on held-out problems" in drawn.notice([measuring], "base")


def test_a_versions_colour_is_its_own_for_good() -> None:
    assert [drawn.series(one) for one in (None, 1, 2, 3, 4, 5)] == [0, 1, 2, 3, 4, 1]


def test_the_theme_has_no_colour_of_its_own_where_a_token_stands() -> None:
    for name in ("body_background_fill", "button_primary_background_fill", "input_border_color"):
        light, dark = (getattr(THEME, f"{name}{end}") for end in ("", "_dark"))
        assert light == dark
        assert light.startswith("var(--")
