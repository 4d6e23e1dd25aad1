"""One table of base and tuned versions by round, whose every number can be counted by hand."""

import json
from collections import Counter
from pathlib import Path

import pytest
from evaluation_world import SUMS, answer, number, scripted

from ptrapp.analysis.intervals import wilson
from ptrapp.core.dialogue import HistoryMode
from ptrapp.core.errors import EngineUnavailable, InputError
from ptrapp.core.thoughts import Thinking
from ptrapp.engines.base import Request
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.evaluation.answers import CellResult
from ptrapp.evaluation.plan import Plan, Setting
from ptrapp.evaluation.report import Callbacks, EarlierResults, Progress
from ptrapp.evaluation.run import evaluate
from ptrapp.evaluation.tasks import Listed, open_task
from ptrapp.judges.verifier import Verifier
from ptrapp.tasks.datasets import Question


def plan(*versions: str, **changes: object) -> Plan:
    return Plan(versions=versions, tasks=(SUMS,), n=20, **changes)  # type: ignore[arg-type]


def test_base_and_tuned_are_compared_by_round(tmp_path: Path) -> None:
    report = evaluate(scripted(tmp_path, "fixer"), plan("fixer"))

    seen = [(row.version, row.round, row.n_correct, row.n) for row in report.table]
    assert seen == [
        ("base", 1, 10, 20),
        ("base", 2, 0, 20),
        ("base", 3, 0, 20),
        ("fixer", 1, 10, 20),
        ("fixer", 2, 20, 20),
        ("fixer", 3, 20, 20),
    ]
    first, second, third = (report.row("fixer", at, "sums") for at in (1, 2, 3))
    assert (first.fixed, first.broken, first.unchanged) == (None, None, None)
    assert (second.fixed, second.broken, second.unchanged) == (10, 0, 10)
    assert (third.fixed, third.broken, third.unchanged, third.same_response) == (0, 0, 20, 20)
    assert report.row("base", 2, "sums").broken == 10
    assert (first.low, first.high) == pytest.approx(wilson(10, 20))
    assert (first.mean_thought_tokens, second.mean_thought_tokens) == (0, 3)
    assert first.well_formed == second.well_formed == 1
    assert report.decoding == "greedy, thinking later"


def test_accuracy_given_a_right_attempt_is_measured(tmp_path: Path) -> None:
    report = evaluate(scripted(tmp_path, "copier"), plan("copier", rounds=2))

    found = {(row.version, row.given): (row.n_correct, row.n) for row in report.given}
    assert found == {
        ("base", "right"): (0, 10),
        ("base", "wrong"): (0, 10),
        ("copier", "right"): (10, 10),
        ("copier", "wrong"): (0, 10),
    }


def test_a_swapped_attempt_is_another_problems(tmp_path: Path) -> None:
    engine = scripted(tmp_path, "copier")

    report = evaluate(engine, plan("copier", controls=True))

    for at in (2, 3):
        swapped = report.row("copier", at, "sums", Setting.SWAPPED)
        assert swapped.n_correct == 0, "the number shown was never its own"
        assert swapped.broken == 10, "against its own refinement one round before"
        assert report.row("copier", at, "sums").n_correct == 10
    shown = [
        (number(request), request.messages[1].content)
        for request in engine.requests
        if request.policy.adapter == "copier" and len(request.messages) == 3
    ]
    foreign = [text for n, text in shown if str(n + 1) not in text and " 0." not in text]
    assert len(foreign) >= 9


def test_controls_are_of_the_tuned_version_or_of_a_lonely_base(tmp_path: Path) -> None:
    engine = scripted(tmp_path, "fixer")
    both = evaluate(engine, plan("fixer", controls=True)).table
    alone = evaluate(engine, plan("base", controls=True)).table

    assert {row.setting for row in both if row.version == "base"} == {"refine"}
    wanted = {"refine", "swapped", "thought removed", "majority"}
    assert {row.setting for row in both if row.version == "fixer"} == wanted
    assert {row.setting for row in alone} == wanted


def test_without_thoughts_only_responses_are_shown(tmp_path: Path) -> None:
    engine = scripted(tmp_path, "fixer")
    always = plan("fixer", thinking=Thinking.ALWAYS, controls=True)

    report = evaluate(engine, always)

    shown = Counter(
        "Let me add" in request.messages[1].content
        for request in engine.requests
        if len(request.messages) > 1 and request.policy.adapter == "fixer"
    )
    assert shown == {True: 4 * 20, False: 2 * 20}, "refine and swapped with, the control without"
    assert report.row("fixer", 2, "sums", Setting.THOUGHT_REMOVED).fixed == 10


def test_the_majority_of_independent_answers_wins(tmp_path: Path) -> None:
    """Round 1 drawn thrice: the seeds say 5, then the right answer twice; the third vote decides."""

    def dice(request: Request) -> str:
        right = number(request) + 1
        stated = 5 if request.sampling.seed < 1_000_000 else right
        return f"<T> I throw.<R> The answer is {stated}."

    report = evaluate(scripted(tmp_path, script=dice), plan("base", controls=True))

    votes = [report.row("base", at, "sums", Setting.MAJORITY) for at in (1, 2, 3)]
    assert [row.n_correct for row in votes] == [0, 0, 20]
    assert [row.fixed for row in votes] == [None, 0, 20]


def test_an_unreadable_answer_has_no_vote(tmp_path: Path) -> None:
    def mumble(request: Request) -> str:
        first = request.sampling.seed < 1_000_000
        return "<T> I do not know." if first else f"<T> Sum.<R> It is {number(request) + 1}."

    report = evaluate(scripted(tmp_path, script=mumble), plan("base", controls=True, resamples=0))

    assert report.row("base", 2, "sums", Setting.MAJORITY).n_correct == 20


def test_malformed_answers_are_drawn_again_when_sampling_and_only_then(tmp_path: Path) -> None:
    """Every first draw of an odd sum never gets to its response; the second one does."""
    seen: Counter[tuple[int, int]] = Counter()

    def stumbling(request: Request) -> str:
        key = (number(request), len(request.messages))
        seen[key] += 1
        if key[0] % 2 and seen[key] == 1:
            return "<T> I think and think"
        return f"<T> Sum.<R> The answer is {key[0] + 1}."

    always = {"thinking": Thinking.ALWAYS, "rounds": 1}
    sampled = evaluate(scripted(tmp_path, script=stumbling), plan("base", n_samples=1, **always))
    (row,) = sampled.table
    assert (row.n_correct, row.n_redrawn, row.well_formed) == (20, 10, 1.0)

    seen.clear()
    (row,) = evaluate(scripted(tmp_path, script=stumbling), plan("base", **always)).table
    assert (row.n_correct, row.n_redrawn, row.well_formed) == (10, 0, 0.5)


def test_draws_end_with_the_resamples(tmp_path: Path) -> None:
    engine = scripted(tmp_path, script=lambda request: "<T> never")
    (row,) = evaluate(
        engine, plan("base", n_samples=1, resamples=2, rounds=1, thinking=Thinking.ALWAYS)
    ).table
    assert (row.n_redrawn, row.well_formed, len(engine.requests)) == (40, 0, 60)
    assert len({request.sampling.seed for request in engine.requests}) == 60


def test_seeds_draw_their_own_and_are_pooled(tmp_path: Path) -> None:
    """Seed 0 is right on all, seed 1 on none: pooled one half, spread √½."""

    def by_seed(request: Request) -> str:
        right = request.sampling.seed < 16_000_000
        return f"<R> The answer is {number(request) + 1 if right else 0}."

    engine = scripted(tmp_path, script=by_seed)
    report = evaluate(engine, plan("base", seeds=(0, 1), rounds=1, n_samples=2))

    (row,) = report.table
    assert (row.n, row.n_correct, row.n_seeds) == (80, 40, 2)
    assert (row.rate_mean, row.rate_std) == (0.5, pytest.approx(0.5**0.5))
    alone = evaluate(engine, plan("base", rounds=1)).table[0]
    assert alone.rate_std is None


def test_every_version_draws_from_the_same_seeds(tmp_path: Path) -> None:
    engine = scripted(tmp_path, "fixer")
    evaluate(engine, plan("fixer", n_samples=2, seeds=(3,)))
    drawn = {
        name: [r.sampling.seed for r in engine.requests if r.policy.label == name]
        for name in ("base", "fixer")
    }
    assert drawn["base"] == drawn["fixer"]
    assert len(set(drawn["base"])) == 3 * 40


def test_what_is_drawn_does_not_depend_on_how_many_are_asked_at_once(tmp_path: Path) -> None:
    drawn = []
    for chunk in (64, 7):
        engine = scripted(tmp_path)
        evaluate(engine, plan("base", n_samples=2, chunk=chunk, controls=True, rounds=2))
        drawn.append(sorted((number(one), one.sampling.seed) for one in engine.requests))
    assert drawn[0] == drawn[1]


def test_what_the_context_has_no_room_for_is_wrong_and_counted(tmp_path: Path) -> None:
    engine = ScriptedEngine(answer, context_length=12)
    rows = evaluate(engine, plan("base", rounds=3)).table
    assert [row.n_failed for row in rows] == [0, 20, 20]
    assert [row.n for row in rows] == [20, 20, 20]
    assert rows[1].n_correct == 0


def test_a_chain_that_ended_stays_ended(tmp_path: Path) -> None:
    """Round 3 alone after an empty round 2 would fit into the context."""
    engine = ScriptedEngine(answer, context_length=16)
    rows = evaluate(engine, plan("base", history=HistoryMode.LAST)).table
    assert [row.n_failed for row in rows] == [0, 20, 20]


def test_an_engine_that_does_not_answer_is_no_wrong_answer(tmp_path: Path) -> None:
    engine = ScriptedEngine(answer, failures={7: EngineUnavailable("The server is gone.")})
    with pytest.raises(EngineUnavailable, match="gone"):
        evaluate(engine, plan("base"))


def test_the_last_answer_alone_may_be_shown(tmp_path: Path) -> None:
    engine = scripted(tmp_path, "copier")
    report = evaluate(engine, plan("copier", history=HistoryMode.LAST))
    assert max(len(request.messages) for request in engine.requests) == 3
    assert report.decoding.endswith("last answer alone")


def test_the_system_message_and_the_instruction_are_those_of_the_plan(tmp_path: Path) -> None:
    def script(request: Request) -> str:
        return "<T> so <R> The answer is 1." if request.thinking else "<R> The answer is 1."

    engine = scripted(tmp_path, script=script)
    report = evaluate(
        engine, plan("base", rounds=2, system="Be exact.", refine_instruction="Once more.")
    )
    first, later = engine.requests[0], engine.requests[-1]
    assert first.messages[0].content == "Be exact."
    assert [one.content for one in later.messages][::3] == ["Be exact.", "Once more."]
    assert report.decoding == "greedy, thinking later, own instruction, system message"


def test_the_share_of_thoughts_that_the_model_ended_itself_stands_by_version_and_round(
    tmp_path: Path,
) -> None:
    """The base writes no marker on odd sums; the tuned version always ends its thought."""

    def script(request: Request) -> str:
        if request.thinking and not request.policy.adapter and number(request) % 2:
            return "<T> Let me add and add"
        return answer(request)

    cells: list[CellResult] = []
    report = evaluate(
        scripted(tmp_path, "fixer", script=script),
        plan("fixer", rounds=2),
        callbacks=Callbacks(cell=cells.append),
    )

    found = {(row.version, row.round): row.ended_itself_share for row in report.table}
    assert found == {
        ("base", 1): None, ("base", 2): 0.5, ("fixer", 1): None, ("fixer", 2): 1.0,
    }  # fmt: skip
    stored = json.loads(json.dumps([one.as_json() for one in cells]))
    again = evaluate(
        scripted(tmp_path, "fixer"),
        plan("fixer", rounds=2),
        earlier=EarlierResults([CellResult.from_json(one) for one in stored]),
    )
    assert again.table == report.table
    for one in stored:  # as an earlier version of this program stored them
        for chain in one["chains"]:
            for each in chain:
                del each["thought_end"]
    old = [CellResult.from_json(one) for one in stored]
    assert {each.thought_end for one in old for chain in one.chains for each in chain} == {None}


def test_earlier_results_are_not_measured_again(tmp_path: Path) -> None:
    """Stopped in the middle and resumed from JSON: the same table, fewer requests."""
    whole = evaluate(scripted(tmp_path, "fixer", "copier"), plan("fixer", "copier", controls=True))
    stored: list[dict[str, object]] = []

    def stop(at: Progress) -> None:
        if at.n_done > 200:
            raise KeyboardInterrupt

    engine = scripted(tmp_path, "fixer", "copier")
    callbacks = Callbacks(progress=stop, cell=lambda one: stored.append(one.as_json()))
    with pytest.raises(KeyboardInterrupt):
        evaluate(engine, plan("fixer", "copier", controls=True), callbacks=callbacks)
    n_before = len(engine.requests)
    cells = [CellResult.from_json(one) for one in stored]
    resumed = evaluate(
        engine, plan("fixer", "copier", controls=True), earlier=EarlierResults(cells)
    )

    assert resumed.table == whole.table
    assert resumed.given == whole.given
    n_whole = 20 * (3 + 2 * (3 + 2 + 2 + 3))
    assert len(cells) > 2
    assert n_whole <= len(engine.requests) <= n_before + n_whole - 20 * 3


def test_earlier_answers_to_other_problems_are_measured_again(tmp_path: Path) -> None:
    engine = scripted(tmp_path)
    cells: list[CellResult] = []
    evaluate(engine, plan("base", rounds=1), callbacks=Callbacks(cell=cells.append))
    smaller = Plan(tasks=(SUMS,), n=5, rounds=1)
    assert evaluate(engine, smaller, earlier=EarlierResults(cells)).table[0].n == 5


def test_progress_ends_at_its_total(tmp_path: Path) -> None:
    seen: list[Progress] = []
    asked = plan("fixer", controls=True, chunk=8)
    evaluate(scripted(tmp_path, "fixer"), asked, judge=Verifier(), callbacks=Callbacks(seen.append))
    assert seen[-1].n_done == seen[-1].n_total
    assert [one.n_done for one in seen] == sorted(one.n_done for one in seen)


def test_progress_is_told_after_each_answer_of_a_chunk(tmp_path: Path) -> None:
    """Sixty-four answers of a language model may take minutes on a processor."""
    seen: list[Progress] = []
    evaluate(scripted(tmp_path), plan("base", rounds=2), callbacks=Callbacks(seen.append))
    assert sorted({one.n_done for one in seen}) == list(range(41))
    assert "base" in seen[0].doing, "what is measured is told before its first answer"


def test_the_judge_compares_versions_on_the_same_problems(tmp_path: Path) -> None:
    report = evaluate(scripted(tmp_path, "fixer"), plan("fixer"), judge=Verifier())

    found = {
        (row.version, row.round, row.against, row.against_round): row.win_rate
        for row in report.win_rates
    }
    assert found == {
        ("base", 3, "base", 1): 0.25,
        ("fixer", 1, "base", 1): 0.5,
        ("fixer", 3, "base", 3): 1.0,
        ("fixer", 3, "base", 1): 0.75,
    }
    row = report.win_rates[-1]
    assert row.low is not None
    assert row.high is not None
    assert row.low < 0.75 < row.high
    assert (row.n, row.n_unscored, row.judge) == (20, 0, "verifier")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (Plan(versions=("dpo-9",), tasks=(SUMS,)), "dpo-9 are not published"),
        (Plan(versions=("base", "base"), tasks=(SUMS,)), "versions once"),
        (Plan(tasks=()), "tasks once"),
        (Plan(tasks=(SUMS,), seeds=(1, 1)), "seeds once"),
        (Plan(tasks=(SUMS,), rounds=0), "rounds is 0"),
    ],
)
def test_what_cannot_be_measured_is_refused(wrong: Plan, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        evaluate(scripted(tmp_path), wrong)


def test_constraints_are_counted_each_and_have_no_majority(tmp_path: Path) -> None:
    """Round 1 keeps one of two constraints, a later round both."""
    reference = 'constraints:{"keep":[{"kind":"no_commas"},{"kind":"question"}],"least_words":1,"prompt":""}'
    asked = Listed("texts", tuple(Question(f"Ask me {n}.", reference, "a file") for n in range(4)))

    def script(request: Request) -> str:
        later = len(request.messages) > 1
        return "<T> hm<R> What now my friend?" if later else "<R> What, my friend?"

    plan = Plan(versions=("base",), tasks=(asked,), rounds=2, n=4, controls=True)
    report = evaluate(scripted(tmp_path, script=script), plan)

    assert {row.setting for row in report.table} == {"refine", "swapped", "thought removed"}
    first, later = report.row("base", 1, "texts"), report.row("base", 2, "texts")
    assert (first.rate, first.kept_rate) == (0.0, 0.5)
    assert (later.rate, later.kept_rate) == (1.0, 1.0)
    assert (first.loose_rate, first.kept_loose_rate) == (None, None)


def test_ifeval_is_measured_by_prompt_and_instruction_strictly_and_loosely(tmp_path: Path) -> None:
    pytest.importorskip("if_verifiable")
    ids = ["punctuation:no_comma", "detectable_format:title"]
    rows = [
        {"key": n, "prompt": f"Text {n}.", "instruction_id_list": ids, "kwargs": [{}, {}]}
        for n in range(3)
    ]
    unknown = {**rows[0], "instruction_id_list": ["poems:rhyme", ids[0]]}
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(map(json.dumps, [*rows, unknown])), encoding="utf-8")
    task = open_task(f"ifeval:{file}")
    assert isinstance(task, Listed)
    assert task.left_out == (
        "1 of 4 rows of rows.jsonl are left out: 1 × the instruction poems:rhyme is unknown."
    )

    def script(request: Request) -> str:
        later = len(request.messages) > 1
        return "<T> hm<R> Well, here:\n<<Rain>>\nIt falls." if later else "<R> It falls."

    plan = Plan(versions=("base",), tasks=(task,), rounds=2, n=3)
    report = evaluate(scripted(tmp_path, script=script), plan)
    first, later = report.row("base", 1, "ifeval:rows"), report.row("base", 2, "ifeval:rows")
    assert (first.rate, first.kept_rate) == (0.0, 0.5)
    assert (first.loose_rate, first.kept_loose_rate) == (0.0, 0.5)
    assert (later.rate, later.kept_rate) == (0.0, 0.5)
    assert (later.loose_rate, later.kept_loose_rate) == (1.0, 1.0)
