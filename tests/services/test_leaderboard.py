"""The leaderboard's figures are those of the database: measures, votes, a page at a time."""

from typing import Any

import pytest
from measured_versions import TASK, compared, judged, measured, trained, waits
from statements import executed

from db.labelling import comparisons, raters, votes
from db.models import Adapter, AdapterStatus, JobKind, JobStatus, Outcome, RaterKind, Round
from db.registry import adapters, leaderboard
from ptrapp.core.errors import InputError, NotFound
from ptrapp.services import versions
from ptrapp.services.leaderboard import rows
from ptrapp.services.leaderboard.headline import Headline, is_it_better
from ptrapp.services.leaderboard.rows import Order, VersionRow
from ptrapp.services.training.form import METHODS


def row_of(world: Any, name: str, **asked: Any) -> VersionRow:
    board = rows.read_leaderboard(world.context, **asked)
    (found,) = (row for row in board.rows if row.name == name)
    return found


def test_figures_are_those_of_the_newest_finished_evaluation_its_seeds_pooled(world: Any) -> None:
    with world.database.write() as session:
        version = trained(session)
        measured(session, {None: [50, 50, 50], version: [10, 10, 10]})
        newest = measured(session, {version: [60, 70, 80]}, seeds=2, tokens=30.0)
        measured(session, {version: [99, 99, 99]}, status=JobStatus.RUNNING)
        measured(session, {version: [1, 1, 1]}, task="held_out")
        measured(session, {version: [2, 2, 2]}, control="swapped")
        name, job_id = version.name, newest.id
    row = row_of(world, name, task=TASK)
    assert [(at.round, at.n, at.n_correct, at.rate) for at in row.rounds] == [
        (1, 200, 120, 0.6), (2, 200, 140, 0.7), (3, 200, 160, 0.8),
    ]  # fmt: skip
    last = row.rounds[2]
    assert (last.fixed, last.broken) == (20, 0)
    assert (round(last.interval.low, 3), round(last.interval.high, 3)) == (0.739, 0.85)
    assert last.thought.interval is not None
    assert last.thought.value == 30.0
    assert round(last.thought.interval.high - 30.0, 3) == round(1.96 * 5 / 200**0.5, 3)
    assert (row.job_id, row.asked) == (job_id, "greedy")
    assert row_of(world, "base", task=TASK).rounds[2].n_correct == 50
    assert row_of(world, name, task="held_out").rounds[0].n_correct == 1


def test_a_later_look_at_fewer_problems_takes_no_ones_place(world: Any) -> None:
    with world.database.write() as session:
        version = trained(session)
        large = measured(session, {version: [60, 70, 80]}, seeds=2)
        measured(session, {version: [90, 95, 99]})
        name, job_id = version.name, large.id
    row = row_of(world, name, task=TASK)
    assert (row.job_id, row.rounds[2].n, row.rounds[2].n_correct) == (job_id, 200, 160)


def test_a_version_has_the_share_of_thoughts_that_it_ended_itself_beside_the_bases(
    world: Any,
) -> None:
    with world.database.write() as session:
        version = trained(session)
        old = measured(session, {version: [50, 60]})
        by = measured(session, {None: [50, 50], version: [50, 70]}, task="x" * 64)
        shares = {"base": 0.25, version.name: 0.75}
        rows_of = [
            {"version": name, "task": "x" * 70, "setting": setting, "round": at,
             "ended_itself_share": None if at == 1 else share if setting == "refine" else 0.0}
            for setting in ("refine", "swapped") for name, share in shares.items() for at in (1, 2)
        ]  # fmt: skip
        by.result = {"table": rows_of}
        old.result = {"table": [{"version": version.name, "task": TASK, "setting": "refine",
                                 "round": 2, "rate": 0.6}]}  # fmt: skip
        name = version.name
    for one, share in shares.items():
        figures = row_of(world, one, task="x" * 64).rounds
        assert [at.ended_itself for at in figures] == [None, share]
    assert row_of(world, name, task=TASK).rounds[1].ended_itself is None, "of an older program"


def test_the_best_stand_first_a_page_at_a_time_and_the_base_model_last_on_each(world: Any) -> None:
    with world.database.write() as session:
        made = [trained(session) for _ in range(rows.PAGE + 3)]
        for place, version in enumerate(made[:-1]):
            measured(session, {version: [50, 40 + place]})
        names = [version.name for version in made]
    first = rows.read_leaderboard(world.context)
    best = [row.name for row in first.rows]
    assert best == [*reversed(names[2:-1]), "base"], "what is not measured comes last of all"
    second = rows.read_leaderboard(world.context, page=2)
    assert [row.name for row in second.rows] == [names[1], names[0], names[-1], "base"]
    assert (second.page, second.n_pages, second.n_versions) == (2, 2, rows.PAGE + 3)
    newest = rows.read_leaderboard(world.context, order=Order.NEWEST)
    assert newest.rows[0].name == names[-1]
    assert rows.read_leaderboard(world.context, page=99).page == 2


def test_a_page_of_many_versions_takes_no_more_queries_than_one_of_few(world: Any) -> None:
    def n_queries() -> int:
        with executed() as asked:
            rows.read_leaderboard(world.context)
            rows.read_votes_learnt(world.context)
        return len(asked)

    with world.database.write() as session:
        measured(session, {trained(session): [50, 60]})
    few = n_queries()
    with world.database.write() as session:
        for _ in range(30):
            measured(session, {trained(session): [50, 60]})
    assert n_queries() == few


def test_parent_method_and_what_it_learnt_are_told(world: Any) -> None:
    with world.database.write() as session:
        parent = trained(session, n_examples=1200)
        child = trained(session, parent=parent, kind=JobKind.TPO, n_examples=7)
        names = parent.name, child.name
    row = row_of(world, names[1])
    assert (row.parent, row.method, row.trained_on) == (names[0], "TPO", "7 pairs")
    assert row_of(world, names[0]).trained_on == "1,200 votes"
    with world.database.read() as session:
        assert leaderboard.votes_learnt(session) == {1: 1200, 2: 1200}
    with world.database.write() as session:  # 200 of them were too long for the model
        session.get_one(Adapter, parent.id).metrics = {"n_learnt": 1000, "dropped": {"long": 200}}
    assert row_of(world, names[0]).trained_on == "1,000 votes"
    with world.database.read() as session:
        assert leaderboard.votes_learnt(session) == {1: 1000, 2: 1000}


def test_first_rounds_that_are_replayed_are_no_refinements(world: Any) -> None:
    with world.database.write() as session:
        version = trained(session, kind=JobKind.MASK_SFT, n_examples=126)
        version.metrics = {"n_learnt": 126, "counts": {"refined": 84, "replay": 42}}
        name = version.name
    assert row_of(world, name).trained_on == "84 refinements"


def test_peoples_votes_between_versions_are_a_win_rate_once_there_are_enough(world: Any) -> None:
    with world.database.write() as session:
        version = trained(session)
        version_id, name = version.id, version.name
        by = measured(session, {version: [50, 60, 70]})
        judged(session, by, version, 0.5, 0.6, 0.7)
    for number in range(10):
        run = world.play(f"What is {number} + 5?", n=2)
        vote_between(world, run.rounds[0].id, version_id, won=number < 7)
        if number == 8:
            (judge,) = row_of(world, name).against_base
            assert judge.who == "verifier", "9 prompts are not enough"
    people, judge = row_of(world, name).against_base
    assert (people.who, people.n, people.value) == ("people", 10, 0.7)
    assert people.low < 0.7 < people.high
    assert (judge.who, judge.value) == ("verifier", 0.6)
    assert row_of(world, name).against_parent == (people, judge), "its parent is the base model"


def vote_between(world: Any, of_base: int, version_id: int, *, won: bool) -> None:
    """Writes the same round anew as the version's, and has Ada compare both."""
    with world.database.write() as session:
        base = session.get_one(Round, of_base)
        run = base.run
        values = {
            column.key: getattr(base, column.key)
            for column in Round.__table__.columns
            if column.key not in ("id", "candidate", "adapter_id")
        }
        other = Round(**values, candidate=1, adapter_id=version_id)
        session.add(other)
        session.flush()
        assert run.prompt_id == other.prompt_id
        pair = comparisons.ensure_comparison(session, base.id, other.id)
        ada = raters.ensure_person(session, RaterKind.HUMAN, "Ada")
        key = comparisons.offer(session, ada.id, pair.id, flipped=False).key
        votes.cast_vote(session, key, Outcome.RIGHT if won else Outcome.LEFT)


def test_the_first_line_says_better_only_where_the_interval_does(world: Any) -> None:
    def answer(low: float, value: float, high: float) -> Headline:
        with world.database.write() as session:
            version = trained(session)
            by = measured(session, {version: [50, 60, 70]})
            compared(by, version, low, value, high)
            adapters.activate(session, version.id)
        board = rows.read_leaderboard(world.context)
        return is_it_better(world.context, board)

    none = is_it_better(world.context, rows.read_leaderboard(world.context))
    assert none[0] == "No version has been trained yet."
    better, figures, *_ = answer(0.04, 0.1, 0.16)
    assert better.endswith("is better than base:")
    assert figures == (
        "+10.0 points after three rounds (95 % +4.0 to +16.0, n = 100; 9 fixed, 2 broken)."
    )
    assert "neither clearly better nor worse" in answer(-0.01, 0.1, 0.2)[0]
    assert answer(-0.2, -0.1, -0.01)[0].endswith("is worse than base:")
    with world.database.write() as session:
        unmeasured = trained(session)
        adapters.activate(session, unmeasured.id)
    unknown = is_it_better(world.context, rows.read_leaderboard(world.context))
    assert unknown.answer.startswith("Not enough data to say whether")
    assert unknown.href == "train?method=evaluate"
    assert unknown.way == f"{METHODS['evaluate'].label} both"


def test_a_parents_gain_is_not_its_childs(world: Any) -> None:
    with world.database.write() as session:
        parent = trained(session)
        child = trained(session, parent=parent)
        by = measured(session, {child: [50, 60, 70]})
        compared(by, child, 0.2, 0.3, 0.4)
        row = dict(by.result["differences"][0], against=parent.name, difference=-0.01)
        row |= {"low": -0.05, "high": 0.03}
        by.result = by.result | {"differences": [*by.result["differences"], row]}
        adapters.activate(session, child.id)
        name = parent.name
    _, figures, *_ = is_it_better(world.context, rows.read_leaderboard(world.context))
    assert figures.startswith("+30.0 points after three rounds")
    assert figures.endswith(f" Against its parent {name}: −1.0 points (95 % −5.0 to +3.0).")


def test_what_waits_and_what_serves_is_told_whichever_page_they_are_on(world: Any) -> None:
    with world.database.write() as session:
        made = [trained(session) for _ in range(rows.PAGE + 2)]
        adapters.activate(session, made[0].id)
        for other in made[1:-1]:
            other.status = AdapterStatus.RETIRED
        waits(session, made[-1], "worse than base")
        names = [version.name for version in made]
    board = rows.read_leaderboard(world.context, page=1)
    assert board.serving.name == names[0]
    assert [(row.name, row.verdict) for row in board.waiting] == [(names[-1], "worse than base")]
    assert len(board.rows) == rows.PAGE + 1


def test_a_version_has_the_name_and_note_a_person_gives_it(world: Any) -> None:
    with world.database.write() as session:
        name = trained(session).name
    stamp = rows.read_stamp(world.context)
    versions.describe(world.context, name, " Kind ", "Says sorry less.")
    row = row_of(world, name)
    assert (row.name, row.title, row.note) == (name, "Kind", "Says sorry less.")
    assert versions.description(world.context, name) == ("Kind", "Says sorry less.")
    assert rows.read_stamp(world.context) != stamp
    versions.describe(world.context, name, "", " ")
    assert versions.description(world.context, name) == ("", "")
    with pytest.raises(InputError, match="at most 80 characters"):
        versions.describe(world.context, name, "x" * 81, "")
    with pytest.raises(NotFound):
        versions.describe(world.context, "v9", "", "")


def test_a_waiting_version_has_tried_its_votes(world: Any) -> None:
    with world.database.write() as session:
        trained(session, n_examples=40)
        assert adapters.votes_learnt_up_to(session, None) == 0
        assert adapters.votes_tried_up_to(session, None) == 40
        session.get_one(Adapter, 1).status = AdapterStatus.REJECTED
        assert adapters.votes_tried_up_to(session, None) == 0
