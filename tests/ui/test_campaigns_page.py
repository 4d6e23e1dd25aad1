"""The Campaigns page's parts: rows and headings say how far it is, a plot names whole days."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from db.models import RaterKind
from ptrapp.analysis.columns import columns_of
from ptrapp.analysis.drift import DriftPart
from ptrapp.analysis.estimates import rate
from ptrapp.analysis.kappa import kappas
from ptrapp.analysis.labels import Label
from ptrapp.core.types import Choice
from ptrapp.services.labelling.agreement import AgreementReport, report_of
from ptrapp.services.labelling.disagreements import Disagreement
from ptrapp.services.labelling.kept_labels import KeptLabels
from ptrapp.services.labelling.overview import DayLeft, Overview
from ptrapp.services.labelling.panel import CampaignPanel, CampaignRow, Sources
from ptrapp.ui import agreement_drawn, campaigns
from ptrapp.ui import campaigns_drawn as drawn
from ptrapp.ui import campaigns_plots as plots
from ptrapp.ui.campaign_compared import compared

AT = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
ROW = CampaignRow(
    id=3, name="<b>Fruit", aspect="response", state="open", guidelines="", overlap=1, budget=None,
    mix={"uniform": 1.0}, reveal=False, n_practice=0, settings={"source": {"kind": "imported"}},
    n_items=40, n_wanted=40, n_taken=12, n_done=10, days=[0] * 13 + [10], n_active=1, created_at=AT,
    deadline=None,
)  # fmt: skip


def test_a_row_says_how_far_it_is_and_what_people_wrote_is_text() -> None:
    name, state, labels, active, _ = drawn.cells(ROW)
    assert active == "<b>10 labels</b><small>10 today · 1 person</small>"
    assert "<b>Fruit" not in name
    assert "<small class='narrow'>open · 10 of 40</small>" in name
    assert "10 of 40 · 25%" in labels
    assert ">open<" in state
    assert ">all labelled<" in drawn.cells(replace(ROW, n_done=40))[1]
    assert ">paused<" in drawn.cells(replace(ROW, n_done=40, state="paused"))[1]


def test_one_that_is_all_labelled_offers_to_train_on_it() -> None:
    assert "train" not in drawn.head(ROW, "30 of 40 labels left", "")
    done = drawn.head(replace(ROW, n_done=40), "Done: all 40 labels are in", "")
    assert "<a class='btn primary' href='train'>Train on it</a>" in done
    looked_on = drawn.head(replace(ROW, n_done=40), "Done", "", may_train=False)
    assert "train" not in looked_on
    assert "<dt>Budget</dt><dd>no limit</dd>" in drawn.about(ROW)


def test_one_whose_import_was_undone_is_neither_all_labelled_nor_to_be_trained_on() -> None:
    undone = replace(ROW, n_done=40, hidden="undone")
    assert drawn.cells(undone)[1] == "<span class='chip warn'>import undone</span>"
    assert "train" not in drawn.head(undone, "Its import was undone", "")


@pytest.mark.parametrize(("n", "every"), [(2, 1), (30, 5), (400, 58)])
def test_the_burn_down_names_whole_days_and_few_of_them(n: int, every: int) -> None:
    first = date(2026, 1, 1)
    days = [DayLeft(first + timedelta(days=at), n - at, 1) for at in range(n)]
    view = Overview(days, n, n - 1, None, None, None, None, [])
    layer = plots.burn_down(view, "One label left.").to_dict()["layer"][0]
    assert layer["encoding"]["x"]["axis"]["tickCount"] == {"interval": "day", "step": every}
    assert plots.burn_down(replace(view, days=[]), "") is None


def test_the_burn_down_is_sent_the_days_on_which_something_was_done_and_its_ends() -> None:
    first = date(2026, 1, 1)
    done = {1: 3, 5: 2}
    days = [DayLeft(first + timedelta(days=at), 9, done.get(at, 0)) for at in range(9)]
    drawn_of = plots.burn_down(Overview(days, 9, 5, None, None, None, None, []), "").to_dict()
    sent = (drawn_of.get("data") or drawn_of["layer"][0]["data"])["values"]
    assert [one["day"][8:] for one in sent] == [f"{day}T00:00" for day in ("01", "02", "06", "09")]


def test_a_pair_of_raters_without_a_kappa_says_why() -> None:
    same = [Label(who, at, Choice.TIE) for who in ("Bea", "import:<i>") for at in range(12)]
    few = [Label("Cas", at, Choice.TIE) for at in range(3)]
    said = agreement_drawn.kappas_said(AgreementReport(1, [], kappas([*same, *few]), [], 0))
    assert "<li>Bea and import:&lt;i&gt;: both always said tie, or both bad, so it" in said
    assert "<li>Bea and Cas: not enough data: needs 10 shared comparisons, has 3</li>" in said


def test_each_kappa_is_said_with_its_interval_and_those_of_many_raters_unfold() -> None:
    raters = [f"r{at}" for at in range(5)]
    labels = [
        Label(who, at, Choice.RIGHT if at % 3 == 0 or (who == "r0" and at < 2) else Choice.TIE)
        for who in raters
        for at in range(20)
    ]
    found = kappas(labels)
    said = agreement_drawn.kappas_said(AgreementReport(1, [], found, [], 0))
    first = found[0].kappa
    assert first.value is not None
    assert first.interval is not None
    low, high = first.interval
    assert f"<li>r0 and r1: {first.value:.2f} ({low:.2f} to {high:.2f}, n = 20)</li>" in said
    at_once, unfolds = said.split("<summary>4 more</summary>")
    assert (at_once.count("<li>"), unfolds.count("<li>")) == (6, 4)
    assert "<details>" not in agreement_drawn.kappas_said(AgreementReport(1, [], found[:6], [], 0))


def test_what_alpha_rests_on_is_said_where_it_is_not_all_that_several_labelled() -> None:
    names = ("Ann", "Bob")
    few = [Label(who, at, Choice.LEFT) for who in names for at in range(15)]
    bad = [Label(who, 15 + at, Choice.BOTH_BAD) for who in names for at in range(2)]
    kinds = (RaterKind.HUMAN, RaterKind.HUMAN)
    report = report_of(KeptLabels(columns_of([*few, *bad]), kinds), None)
    said = agreement_drawn.groups(report)
    assert "not enough data: needs 20 comparisons that several raters put in order, has 15" in said
    assert (
        "17 labelled by several; several put 15 of them in order, “both bad” gives no order" in said
    )
    said = agreement_drawn.groups(report_of(KeptLabels(columns_of(few), kinds), None))
    assert "15 labelled by several</p>" in said


def test_labels_and_the_comparisons_they_are_on_are_both_without_gold() -> None:
    names = ("Ann", "Bob")
    plain = [Label(who, at, Choice.LEFT) for who in names for at in range(15)]
    again = [Label("Ann", 0, Choice.LEFT, repeat=True)]
    gold = [Label(who, 20 + at, Choice.TIE, gold=Choice.TIE) for who in names for at in range(4)]
    kinds = (RaterKind.HUMAN, RaterKind.HUMAN)
    report = report_of(KeptLabels(columns_of([*plain, *again, *gold]), kinds), None)
    assert (
        "2 raters · 30 labels on 15 comparisons, 15 labelled by several, beside 8 of gold and 1 "
        "given again</p>" in agreement_drawn.groups(report)
    )
    figures = report.raters[0].figures
    assert (figures.n_votes, figures.n_comparisons, figures.n_gold) == (15, 15, 4)


def test_agreement_that_is_as_good_as_none_has_no_sign() -> None:
    differ = [Label("Cas", at, Choice.TIE if at % 2 else Choice.LEFT) for at in range(12)]
    (found,) = kappas([*differ, *(Label("Bea", at, Choice.TIE) for at in range(6)),
                       *(Label("Bea", at, Choice.LEFT) for at in range(6, 12))])  # fmt: skip
    none = replace(found, kappa=replace(found.kappa, value=-0.004))
    spec = plots.heat_map(AgreementReport(1, [], [none], [], 0)).to_dict()
    assert {row["said"] for row in spec["data"]["values"]} == {"0.00"}
    some = replace(found, kappa=replace(found.kappa, value=-0.04))
    spec = plots.heat_map(AgreementReport(1, [], [some], [], 0)).to_dict()
    assert {row["said"] for row in spec["data"]["values"]} == {"−0.04"}


def test_the_legend_of_the_course_names_what_is_drawn() -> None:
    known, none = rate(6, 10, 5, "labels"), rate(0, 0, 5, "gold answers")
    part = DriftPart(1, 30, agreement=known, gold=none, left=known)
    spec = plots.over_time([part, replace(part, first=31, last=60)], "No change").to_dict()
    scale = spec["layer"][1]["encoding"]["color"]["scale"]
    assert scale["domain"] == ["as the others", "left side"]
    assert scale["range"] == ["var(--s3)", "var(--s2)"]


def test_what_an_undone_import_wanted_is_not_wanted_any_more() -> None:
    undone = replace(ROW, id=4, hidden="undone")
    panel = CampaignPanel([ROW, undone], Sources([], [], []))
    assert campaigns._summary(panel) == "2 of 2 open, 30 labels still wanted."


def test_disagreements_are_shown_as_raters_saw_the_pair() -> None:
    one = Disagreement(
        1,
        "Be <brief>.",
        [{"role": "user", "content": "Hi"}],
        "**Which**?",
        "- a\n- b",
        "`c`",
        [],
        None,
    )
    shown = compared(one)
    assert "<strong>Which</strong>" in shown
    assert "<li>a</li>" in shown
    assert "<code>c</code>" in shown
    assert "Be &lt;brief&gt;." in shown
    assert shown.index("system") < shown.index("Hi") < shown.index("Which")
