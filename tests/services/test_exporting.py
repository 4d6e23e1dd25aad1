"""Exports: what a training elsewhere reads, the same bytes each time, and nothing lost on the way."""

import json
import shlex
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fresh_database import migrated_file
from stored_votes import RowContext, context, fill, refine, sample, vote

from db.content import scores
from db.labelling import campaigns, preferences, raters, votes
from db.models import Outcome, RaterKind, Vote
from db.storage.errors import Conflict, Missing
from db.storage.session import Database, open_database
from ptrapp.core.errors import InputError
from ptrapp.interchange import formats
from ptrapp.services.files import exporting, importing
from ptrapp.services.files.export_rows import Completions
from ptrapp.services.files.exporting import ExportRequest, What

VOTES, PREFERENCES = ExportRequest(What.VOTES), ExportRequest(What.PREFERENCES)


@pytest.fixture
def full(database: Database, tmp_path: Path) -> RowContext:
    fill(database)
    return context(database, tmp_path / "data")


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Callable[[], RowContext]]:
    opened = []

    def make() -> RowContext:
        file = tmp_path / f"empty-{len(opened)}.db"
        shutil.copy(migrated_file(), file)
        opened.append(open_database(f"sqlite:///{file}"))
        return context(opened[-1], tmp_path / "elsewhere")

    yield make
    for database in opened:
        database.dispose()


def rows_of(at: RowContext, ask: ExportRequest, folder: Path) -> list[dict[str, Any]]:
    exporting.write(at, ask, folder / "rows.jsonl")
    return [
        json.loads(line)
        for line in (folder / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    ]


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "csv"])
@pytest.mark.parametrize("what", [What.VOTES, What.PREFERENCES])
def test_what_is_imported_into_an_empty_database_is_exported_as_the_same_bytes(
    full: RowContext, empty: Callable[[], RowContext], tmp_path: Path, what: What, kind: str
) -> None:
    if (what, kind) == (What.PREFERENCES, "csv"):
        with pytest.raises(InputError, match=r"no messages.*\.jsonl or \.parquet"):
            exporting.write(full, ExportRequest(what), tmp_path / "a.csv")
        assert not list(tmp_path.glob("*.csv"))
        return
    file = tmp_path / f"first.{kind}"
    first = exporting.write(full, ExportRequest(what), file)
    other = empty()
    done = importing.import_named(other, str(file))
    assert done.n_known == 0
    second = exporting.write(other, ExportRequest(what), tmp_path / f"second.{kind}")
    assert (second.sha256, second.n_rows) == (first.sha256, first.n_rows)
    if kind != "parquet":  # which writes no two files alike
        assert file.read_bytes() == (tmp_path / f"second.{kind}").read_bytes()

    again = importing.import_named(other, str(file))
    assert (again.n_new, again.counts) == (0, {})


def test_importing_an_own_export_where_it_came_from_adds_nothing(
    full: RowContext, tmp_path: Path
) -> None:
    for what in (What.VOTES, What.PREFERENCES):
        exporting.write(full, ExportRequest(what), tmp_path / "a.jsonl")
        assert importing.import_named(full, str(tmp_path / "a.jsonl")).counts == {}


def test_imported_votes_count_as_they_did(
    full: RowContext, empty: Callable[[], RowContext], tmp_path: Path
) -> None:
    exporting.write(full, replace(VOTES, names=True), tmp_path / "a.jsonl")
    other = empty()
    importing.import_named(other, str(tmp_path / "a.jsonl"))

    def standing(at: RowContext) -> list[Any]:
        with at.database.read() as session:
            found = []
            for one in preferences.current_votes(session):
                pair = one.comparison
                sides = [pair.left.response, pair.right.response]
                better = {Outcome.LEFT: sides[0], Outcome.RIGHT: sides[1]}.get(
                    one.outcome, one.outcome
                )
                found.append((one.rater.name, sorted(sides), better, one.strength, one.blind))
            return found

    assert standing(other) == standing(full)
    with other.database.read() as session:
        assert session.query(Vote).count() == 15
        prompts = {one.comparison.prompt.text for one in session.query(Vote)}
        assert prompts == {"What is 1 + 1?", "=1+1?", "Held out?"}


def test_preferences_are_messages_as_trl_takes_them(full: RowContext, tmp_path: Path) -> None:
    rows = rows_of(full, PREFERENCES, tmp_path)
    assert all({"prompt", "chosen", "rejected"} <= set(row) for row in rows)
    by_prompt = {row["prompt"][-1]["content"]: row for row in rows}
    refined = by_prompt["What is 1 + 1?"]
    assert refined["prompt"] == [{"role": "user", "content": "What is 1 + 1?"}]
    assert refined["chosen"] == [{"role": "assistant", "content": "<T> Thought of right<R> right"}]
    assert (refined["strength"], refined["n_votes"], refined["agreement"]) == (2.0, 2, 1.0)
    (first, *_) = [row for row in rows if row["prompt"][-1]["content"] == "=1+1?"]
    assert [turn["role"] for turn in first["prompt"]] == ["system", "user", "assistant", "user"]
    assert (first["n_votes"], first["agreement"]) == (3, 0.6667)  # the judge's doubt is no voice


def test_what_is_held_out_for_evaluation_is_no_training_data(
    full: RowContext, tmp_path: Path
) -> None:
    for what in (What.PREFERENCES, What.UNPAIRED, What.REFINEMENTS):
        assert "Held out?" not in json.dumps(rows_of(full, ExportRequest(what), tmp_path))
    assert "Held out?" in json.dumps(rows_of(full, VOTES, tmp_path))


def test_responses_alone_hold_no_thought(full: RowContext, tmp_path: Path) -> None:
    for what in (What.PREFERENCES, What.UNPAIRED, What.REFINEMENTS):
        for row in rows_of(full, ExportRequest(what, completions=Completions.RESPONSE), tmp_path):
            row.pop("thrice", None)
            assert "Thought of" not in json.dumps(row)


def test_siblings_of_later_rounds_stand_on_what_they_were_shown(
    database: Database, tmp_path: Path
) -> None:
    at = context(database, tmp_path)
    with database.write() as session:
        first, second = refine(session, "Q?", "one", "two")
        sibling = refine(session, "Q?", "one", "other")[1]
        sibling.parent_id = first.id
        vote(session, "ann", second, sibling, Outcome.LEFT)
    (row,) = rows_of(at, PREFERENCES, tmp_path)
    assert [turn["content"] for turn in row["prompt"]] == ["Q?", "one", "Again."]


def test_kto_labels_follow_the_majority_and_both_bad_is_bad_twice(
    database: Database, tmp_path: Path
) -> None:
    at = context(database, tmp_path)
    with database.write() as session:
        a, b, c, d = sample(session, "Q?", "a", "b", "c", "d")
        vote(session, "ann", a, b, Outcome.LEFT)
        vote(session, "ann", c, d, Outcome.BOTH_BAD)
        e, f, g = sample(session, "R?", "e", "f", "g")
        vote(session, "ann", e, f, Outcome.LEFT)
        vote(session, "ann", f, g, Outcome.LEFT)
    rows = rows_of(at, ExportRequest(What.UNPAIRED), tmp_path)
    labels = {row["completion"][0]["content"].rpartition(" ")[2]: row["label"] for row in rows}
    assert labels == {"a": True, "b": False, "c": False, "d": False, "e": True, "g": False}
    assert exporting.snapshots(at)[0]["dropped"] == {"called good here and bad there": 1}


def test_of_refinements_only_the_last_message_carries_loss(
    full: RowContext, tmp_path: Path
) -> None:
    (row,) = rows_of(full, ExportRequest(What.REFINEMENTS), tmp_path)
    turns = row["messages"]
    assert [turn["role"] for turn in turns] == [
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
        "assistant",
    ]
    assert [turn["loss"] for turn in turns] == [0, 0, 0, 0, 0, 1]
    assert turns[1]["content"] == "wrong"  # the run did not keep thoughts
    assert (turns[2]["content"], turns[-1]["content"]) == (
        "Again.",
        "<T> Thought of right<R> right",
    )
    assert row["correct"] is True


def test_a_snapshot_stays_what_it_was_while_people_go_on_voting(
    full: RowContext, tmp_path: Path
) -> None:
    before = {
        what: exporting.write(full, ExportRequest(what), tmp_path / "a.jsonl") for what in What
    }
    with full.database.write() as session:
        a, b = sample(session, "New?", "new", "newer")
        vote(session, "ann", a, b, Outcome.LEFT)
        chain = refine(session, "What is 1 + 1?", "wrong", "right")
        vote(session, "bob", chain[0], chain[1], Outcome.RIGHT)
        votes.undo_last(session, raters.ensure_rater(session, RaterKind.HUMAN, "cy").id, "undo-cy")
        judge = raters.ensure_rater(session, RaterKind.JUDGE, "llm:m")
        scores.record(session, judge.id, {a.id: 0.5})
    for what, manifest in before.items():
        ask = ExportRequest(what, up_to=manifest.up_to)
        again = exporting.write(full, ask, tmp_path / "b.jsonl", expect=manifest.sha256)
        assert again.sha256 == manifest.sha256
        assert (
            exporting.write(full, ExportRequest(what), tmp_path / "c.jsonl").sha256
            != manifest.sha256
        )
        with pytest.raises(InputError, match=f"not {manifest.sha256}"):
            exporting.write(full, ExportRequest(what), tmp_path / "d.jsonl", expect=manifest.sha256)
    assert not (tmp_path / "d.jsonl").exists()
    shown = {one["sha256"] for one in exporting.snapshots(full)}
    assert {one.sha256 for one in before.values()} <= shown


def test_the_command_that_exports_again_names_a_campaign_whatever_it_is_called(
    full: RowContext, tmp_path: Path
) -> None:
    name = "Süms <b>& `touch x` $HOME 'q'"
    with full.database.write() as session:
        campaigns.create(session, name)
    ask = ExportRequest(What.VOTES, campaign=name)
    exporting.write(full, ask, tmp_path / "a.jsonl")
    (one,) = (one for one in exporting.snapshots(full) if one["campaign"])
    words = shlex.split(exporting.again(one))
    assert words[words.index("--campaign") + 1] == name
    assert words[words.index("--expect") + 1] == one["sha256"]


def test_a_page_is_told_that_another_export_was_made(full: RowContext, tmp_path: Path) -> None:
    stamps = [exporting.snapshots_stamp(full)]
    for what in (What.VOTES, What.PROMPTS):
        exporting.write(full, ExportRequest(what), tmp_path / "one.jsonl")
        stamps.append(exporting.snapshots_stamp(full))
    assert all(stamps)
    assert len(set(stamps)) == 3


def test_raters_are_chosen_by_kind_and_people_can_be_numbered(
    full: RowContext, tmp_path: Path
) -> None:
    judged = rows_of(full, replace(VOTES, kinds=frozenset({RaterKind.JUDGE})), tmp_path)
    assert {row["rater"] for row in judged} == {"llm:m"}
    assert exporting.snapshots(full)[0]["n_votes"] == {"judge": 2}
    numbered = rows_of(full, replace(VOTES, names=False), tmp_path)
    assert {row["rater"] for row in numbered} == {"person-1", "person-2", "person-3", "llm:m"}


def test_what_cannot_be_exported_is_refused_in_words(full: RowContext, tmp_path: Path) -> None:
    for ask, path, words in (
        (replace(VOTES, campaign="none"), "a.jsonl", "no campaign 'none'"),
        (replace(VOTES, up_to=10**6), "a.jsonl", "no vote 1000000 yet; the newest is 15"),
        (VOTES, "a.xlsx", r"none of \.jsonl"),
        (VOTES, "nowhere/a.jsonl", "cannot be written: No such file"),
    ):
        with pytest.raises((InputError, Missing), match=words):
            exporting.write(full, ask, tmp_path / path)
    assert not [file for file in tmp_path.iterdir() if file.name.startswith((".", "a."))]


def test_a_campaign_is_named_by_its_name_or_number_and_never_guessed(full: RowContext) -> None:
    with full.database.write() as session:
        first, other = (campaigns.create(session, name).id for name in ("Tea", "1"))
    assert (first, other) == (1, 2)
    for given, number in (("Tea", 1), ("2", 2)):
        assert exporting.campaign_id(full, replace(VOTES, campaign=given)) == number
    with pytest.raises(
        Conflict, match=r"name of one campaign and the number of another \(1 and 2\)"
    ):
        exporting.campaign_id(full, replace(VOTES, campaign="1"))
    with pytest.raises(Missing, match="There are: 2 1, 1 Tea"):
        exporting.campaign_id(full, replace(VOTES, campaign="9" * 40))


def test_a_formula_in_a_text_is_quoted_in_a_csv(full: RowContext, tmp_path: Path) -> None:
    exporting.write(full, VOTES, tmp_path / "a.csv")
    text = (tmp_path / "a.csv").read_text(encoding="utf-8")
    assert "'=cmd|' right" in text
    assert ",=cmd" not in text
    assert "''-quoted" in text


def test_an_export_names_its_own_format(full: RowContext, tmp_path: Path) -> None:
    for what in (What.VOTES, What.PREFERENCES, What.UNPAIRED):
        rows = rows_of(full, ExportRequest(what), tmp_path)
        assert formats.detect(rows[:3], "f") == what.value


def test_people_are_numbered_unless_they_are_asked_for_by_name(
    full: RowContext, tmp_path: Path
) -> None:
    exporting.write(full, VOTES, tmp_path / "numbered.jsonl")
    exporting.write(full, replace(VOTES, names=True), tmp_path / "named.jsonl")
    numbered, named = (
        (tmp_path / f"{name}.jsonl").read_text(encoding="utf-8") for name in ("numbered", "named")
    )
    assert '"ann"' in named
    assert '"ann"' not in numbered
    assert "person-" in numbered


@pytest.mark.parametrize("what", list(What))
def test_a_look_shows_rows_of_the_file_and_writes_nothing(
    full: RowContext, tmp_path: Path, what: What
) -> None:
    ask = ExportRequest(what)
    seen = exporting.look(full, ask)
    assert exporting.snapshots(full) == []
    manifest = exporting.write(full, ask, tmp_path / "all.jsonl")
    lines = (tmp_path / "all.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert 0 < len(seen.rows) <= exporting.N_SAMPLES
    assert all(json.loads(json.dumps(row)) in rows for row in seen.rows)
    assert manifest.n_rows <= seen.n * (2 if what is What.UNPAIRED else 1)
    if what is What.VOTES:
        assert manifest.n_rows == seen.n
