"""The Train page's parts: what people wrote is text, plots are valid, tables say their intervals."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fresh_database import fresh_database

from db.models import JobKind, JobStatus
from db.registry import jobs
from ptrapp.core.people import Role
from ptrapp.core.settings import Settings
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.services.context import AppContext
from ptrapp.services.jobs import JobView, Note
from ptrapp.services.training.cards import Card, Needs
from ptrapp.services.training.form import METHODS, Input
from ptrapp.services.training.job import ComparedJob, JobPage
from ptrapp.services.training.measured import MadeVersion, Measurement
from ptrapp.services.training.outcome import JobOutcome
from ptrapp.services.training.progress import JobProgress, StageView
from ptrapp.services.training.settings_words import by_labels, in_words, with_labels
from ptrapp.services.training.stages import Stage
from ptrapp.services.training.table import JobRow, JobTable
from ptrapp.ui import train_drawn as drawn
from ptrapp.ui import train_fields, train_job, train_made, train_results
from ptrapp.ui import train_plots as plots
from ptrapp.ui.plotting import drawn_once, plotted

AT = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
JOB = JobView(
    id=7, kind="dpo", status="running", place=0, phase="training", step=3, n_steps=10, eta_s=4.0,
    error=None, notes=[], settings={"form": "<i>ipo"}, parent="base", adapter=None, created_at=AT,
    curves={}, result={}, has_tables=False, stopping=False,
)  # fmt: skip
STAGES = (
    StageView(Stage.LOAD, "done", 11.0, 12.0, 1.0),
    StageView(Stage.LEARN, "now", 3.0, 7.0, 0.3),
    StageView(Stage.CHECK, "waits", 0.0, 0.2, 0.0),
)
PAGE = JobPage(
    job=JOB, method=METHODS["dpo"], progress=JobProgress(STAGES, 84.0, 14.0, 0.14, 2),
    outcome=JobOutcome("", "", ""), started_by="<b>Mira</b>", started_at=AT, finished_at=None,
    curves={}, compared=None, samples=None, gate_s=70.0, made=None, measures=None, next_job=None,
)  # fmt: skip


def test_a_running_job_says_its_stage_and_its_time_left() -> None:
    said = drawn.head(PAGE)
    assert "running 14%" in said
    assert "about 1 min 24 s left" in said
    assert "<li class='now'" in said
    assert "3 of 10 · 3 s" in said
    assert "about 0.2 s" in said
    assert "Then the gate measures it: about 1 min 10 s." in drawn.came_of_it(PAGE)


def test_a_job_that_was_interrupted_says_so_beside_the_time_it_took() -> None:
    row = JobRow(7, "DPO", "done", JobOutcome("", "", ""), "Mira", AT, 7200.0, True)
    assert drawn.cells(JobTable((row,), 1, 1, 1))[0][-1] == "2 h 0 min, with a pause"
    ended = replace(PAGE, job=replace(JOB, status="done"), finished_at=AT + timedelta(hours=2))
    assert "took 2 h 0 min</span>" in drawn.head(ended)
    ended = replace(ended, progress=replace(PAGE.progress, paused=True))
    assert "took 2 h 0 min, with a pause</span>" in drawn.head(ended)
    goes = replace(PAGE, started_at=AT, progress=replace(PAGE.progress, paused=True))
    assert "14 s since it was taken up again" in drawn.head(goes)
    assert "14 s so far" in drawn.head(replace(PAGE, started_at=AT))


def test_refinement_data_lead_on_to_the_training_that_learns_them() -> None:
    done = replace(JOB, kind="ptr_data", status="done")
    way = "<a href='train?method=mask_sft'>"
    said = JobOutcome("", "", "40 trajectories")
    assert way in drawn.came_of_it(replace(PAGE, job=done, outcome=said))
    assert way not in drawn.came_of_it(replace(PAGE, outcome=said))


def test_a_job_that_no_process_works_on_tells_no_time_left() -> None:
    lost = replace(PAGE, progress=replace(PAGE.progress, left_s=None, lost=True))
    assert drawn.left(lost) == (
        "its process has ended or is cut off; the next worker goes on with it"
    )


MEASURED = Measurement(8, "running", JobProgress(STAGES, 30.0, 20.0, 0.4, 1), None)
MADE = MadeVersion(
    name="dpo-000007", status="ready", against="base", measurement=MEASURED, gate="measuring",
    verdict="", decided_at=None, by="", reason="", serving="never", served_at=None,
    serves_by_itself=True, too_few="",
)  # fmt: skip


def test_a_version_is_followed_from_its_measurement_to_its_serving() -> None:
    def said(**changed: Any) -> str:
        return train_made.made(replace(PAGE, made=replace(MADE, **changed)))

    assert train_made.made(PAGE) == ""
    assert "Not measured beside base yet." in said(measurement=None, gate="")
    learnt = said(n_learnt=5, left_out={"tie": 4, "<b> longer": 6, "empty": 0})
    assert (
        "<li>Learnt from 5 examples. Not taken as they are: 6 × &lt;b&gt; longer, 4 × tie.</li>"
        in learnt
    )
    assert "<li>Learnt from 1 example.</li>" in said(n_learnt=1)
    assert "Learnt from" not in said()
    going = said()
    assert "beside <b>base</b>: <a href='train?job=8'>job 8</a>, running 40%" in going
    assert "about 30 s left" in going
    assert "Then it serves by itself, unless it is found worse." in going
    assert "Then it waits for a person: learnt from &lt;1." in said(too_few="learnt from <1")
    ended = replace(MEASURED, status="done", took_s=41.0, ended_at=AT)
    waits = {
        "measurement": ended,
        "gate": "waits",
        "verdict": "learnt from <i> 1",
        "decided_at": AT,
    }
    said_waits = said(**waits)
    assert "Was measured beside <b>base</b>" in said_waits
    assert "took 41 s, 27 Nov 2026, 09:00 UTC" in said_waits
    assert "<b>Learnt from &lt;i&gt; 1.</b>" in said_waits
    assert "base goes on answering" in said_waits
    stopped = said(**waits | {"measurement": replace(ended, status="cancelled")})
    assert "Was to be measured beside <b>base</b>: " in stopped
    assert "cancelled after 41 s, 27 Nov 2026, 09:00 UTC" in stopped
    passed = {"measurement": ended, "gate": "passed", "verdict": "better", "decided_at": AT}
    assert "Answers every new prompt, since 27 Nov" in said(**passed, serving="now", served_at=AT)
    assert "do not serve by themselves here" in said(**passed, serves_by_itself=False)
    by_hand = said(**waits | {"gate": "overruled", "by": "Mira", "reason": "<s>"}, serving="now")
    assert "by Mira: “&lt;s&gt;”" in by_hand


def test_a_version_that_waits_is_served_with_a_reason_and_others_without() -> None:
    def words(**changed: Any) -> str:
        return train_made.serve_words(replace(MADE, **changed))

    assert words(gate="measuring") == "", "it may still serve by itself"
    assert words(gate="waits") == "Serve it all the same …"
    assert words(gate="passed") == "Serve it"
    assert words(gate="passed", serving="before") == "Serve it again"
    assert words(gate="passed", serving="now") == train_made.serve_words(None) == ""
    assert words(status="rejected") == ""


def test_the_job_that_follows_is_a_link_and_no_figure() -> None:
    assert train_results.figures({"n_trajectories": 12, "next_job_id": 8}) == "12 trajectories"
    assert "<a href='train?job=8'>job 8</a>" in train_made.follows(replace(PAGE, next_job=8))
    assert train_made.follows(PAGE) == ""


def test_what_a_training_found_is_what_its_version_stored_and_nothing_has_no_heading() -> None:
    stored = {
        "loss": 0.006684, "rewards/margins": 5.0046, "rewards/accuracies": 0.9412, "tokens/s": 598,
        "n_learnt": 17, "n_held_out": 2, "n_steps": 9, "dropped": {"tie": 1}, "seconds": 10.0,
    }  # fmt: skip
    said = train_results.learnt(stored)
    assert said == (
        "17 examples · 9 steps · 2 held out · at the last step: loss 0.00668, reward margin 5, "
        "pairs ranked right 94.1 %"
    )
    assert train_results.found(said, []) == f"<h3>What it found</h3><p>{said}</p>"
    assert train_results.found("", ["table"]) == "<h3>What it found</h3>"
    assert train_results.found(train_results.learnt({}), []) == ""


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda one: one.key)
def test_no_choice_of_a_form_is_shown_empty(method: Any) -> None:
    """Gradio takes None for nothing chosen, and shows an empty field."""
    for setting in method.settings:
        if setting.input is not Input.CHOICE:
            continue
        with gr.Blocks():
            (field,) = train_fields.build(replace(method, settings=(setting,)), visible=True).fields
        labels = [label for label, one in field.component.choices if one == field.component.value]
        assert labels == [setting.choices[0][0]], setting.key
        assert method.changed({setting.key: field.component.value}) == dict(method.fixed)


def test_what_is_needed_is_ticked_when_all_of_it_is_there() -> None:
    few = Needs("10 pairs that base has not learnt", "4 votes", 0.4, "", None, 4)
    card = Card(METHODS["dpo"], few, None, None, "Train on 4 pairs")
    assert "✓" not in drawn.facts(card, None, 0), "it may begin, and has not what it needs"
    for needs in (replace(few, share=1.0), replace(few, share=None)):
        assert "✓" in drawn.facts(replace(card, needs=needs), None, 0)
    assert "✓" not in drawn.facts(replace(card, needs=replace(few, share=1, missing="No.")), 1, 1)


def test_settings_are_said_in_the_words_of_the_form() -> None:
    tpo = {"k": 8, "n_prompts": 40, "max_tokens": 64, "thinking": False, "lora_rank": 8}
    assert in_words(METHODS["tpo"], tpo) == [
        "Prompts 40", "Think first no: direct answers", "Response length 64 tokens", "lora rank 8",
    ]  # fmt: skip
    measured = {"versions": ["base", "dpo-1"], "controls": False, "n": 200, "tasks": ["auto"]}
    assert in_words(METHODS["evaluate"], measured) == ["Versions base, dpo-1", "Controls left out"]
    assert in_words(METHODS["dpo"], {"soft_labels": True, "beta": 0.1}) == ["Soft labels"]
    assert in_words(METHODS["preferred"], {"final": "human", "learn": True}) == []
    assert "Settings: Loss &lt;i&gt;ipo" in drawn.came_of_it(PAGE)


def test_a_refusal_names_the_fields_of_the_form_where_it_has_them() -> None:
    said = "Correct these:\nn_queries: too small (given: 0)\nmin_chars: no number\n<b>: unknown"
    assert by_labels(METHODS["ptr_data"], said) == (
        "Correct these:\nQuestions: too small (given: 0)\nmin_chars: no number\n<b>: unknown"
    )


def test_a_note_calls_settings_as_the_form_does() -> None:
    said = with_labels(METHODS["dpo"], "Set nll_weight to 1 or lower learning_rate. Mind beta.")
    assert said == "Set “NLL weight” to 1 or lower “Learning rate”. Mind beta."
    assert "“Length control”" in with_labels(METHODS["tpo"], "Train it with another rho.")
    assert with_labels(METHODS["judge"], "Another rho.") == "Another rho."


def test_what_is_not_known_is_not_made_up() -> None:
    unknown = replace(PAGE, progress=JobProgress(STAGES, None, 14.0, None, 0))
    assert "time left is known once a job of this kind has been measured" in drawn.head(unknown)
    of_stage = JobProgress(STAGES, None, 14.0, None, 0, stage_left_s=30.0)
    assert drawn.left(replace(PAGE, progress=of_stage)).startswith("about 30 s left of this stage;")
    ended = replace(PAGE, job=replace(JOB, status="done"))
    assert drawn.left(ended) == ""


def test_what_people_wrote_is_text() -> None:
    row = JobRow(7, "DPO", "failed", JobOutcome("", "", "<script>"), "<b>Mira</b>", AT, 3.0, True)
    shown = [
        drawn.head(PAGE), drawn.came_of_it(PAGE), drawn.notes([Note("warning", "<u>long</u>")], METHODS["dpo"]),
        *drawn.cells(JobTable((row,), 1, 1, 1))[0],
        *train_results.table({"rows": [{"name": "<em>"}]}, "rows").cells[0],
        drawn.came_of_it(replace(PAGE, job=replace(JOB, status="failed", error="<s>bad</s>"))),
    ]  # fmt: skip
    for hostile in ("<b>Mira", "<i>", "<u>", "<script>", "<em>", "<s>"):
        assert hostile not in "".join(shown), hostile


@pytest.mark.parametrize("plot", plots.PLOTS, ids=lambda one: one.heading)
def test_a_plot_is_valid_in_tokens_and_over_the_earlier_job(plot: plots.Plot) -> None:
    curves = {metric: [(step, 0.5 + step) for step in range(1, 900)] for metric, _ in plot.metrics}
    chart = plots.draw(plot, curves, ComparedJob("job 4", {plot.metrics[0][0]: [(1, 0.25)]}))
    spec = chart.to_dict()  # checked against Vega-Lite's schema
    assert "/vega-lite/v5" in spec["$schema"], "what Gradio draws with"
    rows = spec["data"]["values"]
    assert {row["job"] for row in rows} == {"this job", "job 4"}
    assert max(row["step"] for row in rows) == 899
    assert len(rows) <= 301 * len(plot.metrics)
    (lines,) = spec["layer"]
    assert lines["encoding"]["x"]["axis"]["values"] == [200, 400, 600, 800]
    few = plots.draw(plot, {metric: [(1, 0.5), (2, 0.7)] for metric, _ in plot.metrics}, None)
    assert [layer["mark"]["type"] for layer in few.to_dict()["layer"]] == ["line", "point"]
    words = json.dumps(spec).split('"')
    assert [word for word in words if word.startswith("#")] == [], "every colour is a token"
    assert "beside job 4" in spec["description"]
    assert plots.draw(plot, {}, None) is None


def test_a_plot_is_sent_small_and_with_the_digits_that_are_read() -> None:
    metric = plots.PLOTS[0].metrics[0][0]
    chart = plots.draw(plots.PLOTS[0], {metric: [(1, 2 / 3), (123456, 1234.5678)]}, None)
    sent = plotted(drawn_once(lambda: chart))
    assert sent.visible
    text = sent.value["plot"]
    spec, whole = json.loads(text), chart.to_dict()
    assert [row["value"] for row in spec["data"]["values"]] == [0.666667, 1234.57]
    assert [row["step"] for row in spec["data"]["values"]] == [1, 123456]
    assert {**spec, "data": None} == {**whole, "data": None}
    assert len(text) < 0.65 * len(chart.to_json())
    hidden = plotted(drawn_once(lambda: None))
    assert (hidden.visible, hidden.value) == (False, None)


def test_a_table_by_round_has_a_column_for_each_and_every_interval() -> None:
    row = {"version": "base", "task": "generated", "setting": "refine", "rate": 0.5, "low": 0.4,
           "high": 0.6, "n": 100, "round": 1}  # fmt: skip
    later = {**row, "round": 2, "rate": 0.75, "fixed": 30, "broken": 5}
    found = train_results.table({"table": [row, later], "decoding": "greedy"}, "table")
    assert found.headers == ["Version", "Round 1", "Round 2"]
    assert found.cells == [
        ["base · generated · refine", "<b>50.0</b><small>40.0 to 60.0</small>",
         "<b>75.0</b><small>40.0 to 60.0 · +30 −5</small>"],
    ]  # fmt: skip
    assert train_results.names({"table": [row], "n": 3, "empty": []}) == ["table"]
    assert train_results.figures({"n": 3, "accuracy": 0.98765, "x": None}) == "n 3 · accuracy 0.988"


def test_a_number_that_is_left_empty_is_the_recipes_own_choice() -> None:
    dpo = METHODS["dpo"]
    assert train_fields.filled(next(s for s in dpo.settings if s.may_be_empty), {}) == ""
    assert dpo.changed({"learning_rate": " "}) == {}
    assert dpo.changed({"learning_rate": "1e-4"}) == {"learning_rate": 0.0001}
    assert dpo.changed({"learning_rate": "fast"}) == {"learning_rate": "fast"}, "it is refused"
    assert METHODS["tpo"].changed({"rho": "0"}) == {"rho": 0}


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda one: one.key)
def test_a_form_that_was_filled_asks_for_the_same_job(method: Any) -> None:
    other = {"number": 7, "text": "one", "flag": True, "list": ["a", "b"], "versions": ["base"],
             "campaign": 3}  # fmt: skip
    settings = dict(method.fixed) | {
        one.key: one.choices[-1][1] if one.choices else other[one.input.value]
        for one in method.settings
    }
    entered = {one.key: train_fields.filled(one, settings) for one in method.settings}
    assert method.changed(entered) == settings


def test_a_table_that_was_chosen_is_not_written_over(tmp_path: Path) -> None:
    result = {"first": [{"a": 1}], "second": [{"a": 2}]}
    assert train_results.names(result) == ["first", "second"]
    database = fresh_database(tmp_path)
    context = AppContext(Settings(data_dir=tmp_path), database, ScriptedEngine(lambda _: ""))
    with database.write() as session:
        job = jobs.enqueue(session, JobKind.EVALUATE, {"settings": {}}, "evaluate")
        job.status, job.result, job_id = JobStatus.DONE, result, job.id
    for chosen, written in ((None, "first"), ("second", None), ("gone", "first")):
        parts = train_job.read(context, job_id, Role.ADMIN, whole=True, chosen=chosen)
        choice = next(one for one in parts if isinstance(one, gr.Dropdown))
        assert choice.constructor_args.get("value") == written
    database.dispose()
