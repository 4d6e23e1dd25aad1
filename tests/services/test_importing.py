"""A file of attempts and answers becomes trajectories, once, and a training takes them."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from stored_votes import RowContext, context, fill

from db.content.prompts import ensure_prompt
from db.labelling import comparisons, preferences, raters, votes
from db.models import (
    Comparison,
    Offer,
    Outcome,
    Prompt,
    Purpose,
    Rater,
    RaterKind,
    Round,
    Run,
    RunMode,
    Score,
    Vote,
)
from db.storage.session import Database
from ptrapp.core.errors import InputError
from ptrapp.core.thoughts import GENERIC, TINY
from ptrapp.interchange.records import CompletionText, JudgedPair, PromptText
from ptrapp.services.files import exporting, import_preview
from ptrapp.services.files.exporting import ExportRequest, What
from ptrapp.services.files.importing import (
    BATCH,
    Imported,
    import_attempts,
    import_named,
    import_records,
)
from ptrapp.services.kept_counts import KeptRefined
from ptrapp.services.labelling import candidates
from ptrapp.services.labelling.candidates import Source, SourceKind
from training.data.pairs import gather_pairs
from training.data.trajectories import gather_trajectories
from training.jobs.payload import Filters

ROWS = [
    {"question": f"Question {n}?", "output1": f"Weak {n}.", "output2": f"Strong {n}."}
    for n in range(3)
]


def bring_in(database: Database, folder: Path, rows: list[Any], **options: bool) -> Imported:
    path = folder / "attempts.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    with database.write() as session:
        return import_attempts(session, path, **options)


def counts_of(done: Imported) -> tuple[int, int, int]:
    return done.n_new, done.n_known, done.n_skipped


def counts(database: Database) -> tuple[int, int, int]:
    with database.read() as session:
        return tuple(session.query(table).count() for table in (Prompt, Run, Round))  # type: ignore[return-value]


def test_a_row_is_a_prompt_and_a_run_of_two_rounds(database: Database, tmp_path: Path) -> None:
    assert counts_of(bring_in(database, tmp_path, ROWS)) == (3, 0, 0)
    with database.read() as session:
        first, *_ = session.query(Run).all()
        assert first.mode is RunMode.JOB
        assert first.prompt.text == "Question 0?"
        assert [(r.author, r.response, r.thinking) for r in first.rounds] == [
            ("weak:import", "Weak 0.", False),
            ("strong:import", "Strong 0.", False),
        ]
        assert KeptRefined().current(session) == 3


def test_importing_twice_adds_nothing_and_a_new_answer_is_new(
    database: Database, tmp_path: Path
) -> None:
    bring_in(database, tmp_path, ROWS)
    before = counts(database)

    assert counts_of(bring_in(database, tmp_path, [*ROWS, ROWS[0]])) == (0, 4, 0)
    assert counts(database) == before

    changed = ROWS[0] | {"output2": "Stronger."}
    assert counts_of(bring_in(database, tmp_path, [changed, changed])) == (1, 1, 0)
    assert counts(database) == (before[0], before[1] + 1, before[2] + 1)  # the same attempt


def test_a_bad_row_keeps_the_whole_file_out_unless_it_may_be_skipped(
    database: Database, tmp_path: Path
) -> None:
    rows = [*ROWS, {"question": " ", "output1": "a", "output2": "b"}]

    with pytest.raises(InputError, match=r"attempts\.json: row 4: 'question' is blank"):
        bring_in(database, tmp_path, rows)
    assert counts(database) == (0, 0, 0)

    done = bring_in(database, tmp_path, rows, skip_bad=True)
    assert counts_of(done) == (3, 0, 1)


@pytest.mark.parametrize(("fmt", "mark"), [(TINY, "<R> "), (GENERIC, "")])
def test_training_reads_the_attempt_and_learns_the_answer_in_the_models_marks(
    database: Database, tmp_path: Path, fmt: Any, mark: str
) -> None:
    bring_in(database, tmp_path, ROWS)
    with database.read() as session:
        gathered = gather_trajectories(
            session, fmt, Filters(), parent_adapter_id=None, replay_share=0.5, seed=0
        )
    assert [e.target.raw for e in gathered.examples] == [f"{mark}Strong {n}." for n in range(3)]
    assert [e.messages[1].content for e in gathered.examples] == [
        f"{mark}Weak {n}." for n in range(3)
    ]


PAIR = {"prompt": "Why?", "chosen": "<think>hm</think>Because.", "rejected": "No idea."}


COMPLETION = {
    "raw": "a", "thought": "", "response": "a", "thinking": False, "well_formed": True,
    "finish_reason": "stop", "n_thought_tokens": 0, "n_response_tokens": 1,
}  # fmt: skip


def context_of(database: Database, folder: Path) -> RowContext:
    return context(database, folder / "data")


def file_of(folder: Path, rows: list[Any], name: str = "pairs.jsonl") -> str:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(folder / name)


def stored(database: Database) -> dict[str, int]:
    tables = (Prompt, Run, Round, Comparison, Vote, Rater, Offer, Score)
    with database.read() as session:
        return {table.__tablename__: session.query(table).count() for table in tables}


def test_a_preference_becomes_two_rounds_a_comparison_and_a_vote(
    database: Database, tmp_path: Path
) -> None:
    done = import_named(context_of(database, tmp_path), file_of(tmp_path, [PAIR]))
    assert (done.format, done.n_new, done.name) == ("preferences", 1, "pairs.jsonl")
    with database.read() as session:
        (vote,) = preferences.current_votes(session)
        assert (vote.rater.kind, vote.rater.name) == (RaterKind.DATASET, "import:pairs.jsonl")
        assert (vote.outcome, vote.offer_key, vote.purpose) == (Outcome.LEFT, None, Purpose.LABEL)
        better, worse = vote.comparison.left, vote.comparison.right
        assert (better.thought, better.response, better.thinking) == ("hm", "Because.", True)
        assert (better.raw, better.author) == (PAIR["chosen"], "import")
        assert (worse.response, worse.thinking, worse.completion_ids) == ("No idea.", False, None)
        assert better.run.mode is RunMode.JOB
        assert better.run.settings["source"] == "pairs.jsonl"
        assert better.prompt.source == "import:pairs.jsonl"


def test_what_bulk_inserts_write_is_what_the_models_would(
    database: Database, tmp_path: Path
) -> None:
    import_named(context_of(database, tmp_path), file_of(tmp_path, [PAIR]))
    with database.write() as session:
        prompt = ensure_prompt(session, "Why?", source="play")
        assert prompt.source == "import:pairs.jsonl", "the same question is the same row"
        assert prompt.created_at.tzinfo is not None
        (vote,) = preferences.current_votes(session)
        pair = comparisons.ensure_comparison(
            session, vote.comparison.right_round_id, vote.comparison.left_round_id
        )
        assert pair.id == vote.comparison_id
        ann = raters.ensure_rater(session, RaterKind.HUMAN, "ann")
        key = comparisons.offer(session, ann.id, pair.id, flipped=False).key
        assert votes.cast_vote(session, key, Outcome.TIE).id == vote.id + 1


def test_training_learns_imported_preferences_after_the_conversation_they_end(
    database: Database, tmp_path: Path
) -> None:
    turns = [
        {"role": r, "content": c}
        for r, c in (("system", "S"), ("user", "a"), ("assistant", "b"), ("user", "c"))
    ]
    row = {
        "prompt": turns,
        "chosen": [{"role": "assistant", "content": "d"}],
        "rejected": [{"role": "assistant", "content": "e"}],
    }
    import_named(context_of(database, tmp_path), file_of(tmp_path, [row]))
    with database.read() as session:
        (pair,) = gather_pairs(session, GENERIC, Filters()).examples
    assert [message.as_dict() for message in pair.messages] == turns
    assert (pair.chosen.raw.strip(), pair.rejected.raw.strip()) == ("d", "e")


def test_importing_again_adds_nothing_and_the_same_text_is_one_round(
    database: Database, tmp_path: Path
) -> None:
    rows = [PAIR, PAIR | {"rejected": "Dunno."}, PAIR]
    at, path = context_of(database, tmp_path), file_of(tmp_path, rows)
    first = import_named(at, path)
    assert (first.n_new, first.n_known) == (2, 1)
    assert (first.counts["rounds"], first.counts["comparisons"], first.counts["prompts"]) == (
        3,
        2,
        1,
    )
    before = stored(database)
    again = import_named(at, path)
    assert (again.n_new, again.n_known, again.counts) == (0, 3, {})
    assert stored(database) == before

    third = import_named(
        at, file_of(tmp_path, [PAIR | {"rejected": "Ask her."}], "more.jsonl"), name="pairs.jsonl"
    )
    assert third.counts == {"runs": 1, "rounds": 1, "comparisons": 1, "votes": 1}


def test_rows_that_contradict_each_other_are_votes_of_several_and_none_is_lost(
    database: Database, tmp_path: Path
) -> None:
    """A later row is no correction of an earlier one: nothing says so."""
    other = PAIR | {"chosen": PAIR["rejected"], "rejected": PAIR["chosen"]}
    same = PAIR | {"prompt": "Twice?"}
    rows = [PAIR, PAIR, other, same, same]
    at, path = context_of(database, tmp_path), file_of(tmp_path, rows)
    preview = import_preview.preview_named(path)
    assert preview.hints[-1].startswith("3 judgements are of what another row judges otherwise")
    import_named(at, path)
    with database.read() as session:
        stored = Counter((vote.comparison_id, vote.outcome) for vote in session.query(Vote))
        assert sorted(stored.values()) == [1, 1, 2], "what is said twice in the same way is one"
        assert len(list(preferences.current_votes(session))) == 4
        names = {rater.name for rater in session.query(Rater)}
    assert names == {"import:pairs.jsonl", "import:pairs.jsonl#2", "import:pairs.jsonl#3"}
    assert import_named(at, path).counts == {}


@pytest.mark.parametrize("judges", [("gpt-4", "claude-3-opus", "gpt-4"), ("A", "B", "A")])
def test_a_column_called_judge_that_names_models_or_holds_verdicts_names_nobody(
    database: Database, tmp_path: Path, judges: tuple[str, ...]
) -> None:
    row = {"response_a": "x", "response_b": "y", "winner": "A"}
    rows = [row | {"prompt": f"Q{n}?", "judge": one} for n, one in enumerate(judges)]
    at, path = context_of(database, tmp_path), file_of(tmp_path, rows)
    assert "judge" in import_preview.preview_named(path).unused
    import_named(at, path)
    with database.read() as session:
        assert {rater.kind for rater in session.query(Rater)} == {RaterKind.DATASET}


def test_a_completion_that_is_called_good_and_bad_is_both(
    database: Database, tmp_path: Path
) -> None:
    rows = [{"prompt": "Q?", "completion": "x", "label": one} for one in (True, True, False)]
    at, path = context_of(database, tmp_path), file_of(tmp_path, rows)
    import_named(at, path)
    with database.read() as session:
        assert sorted(score.value for score in session.query(Score)) == [0.0, 1.0, 1.0]
    import_named(at, path)
    with database.read() as session:
        assert session.query(Score).count() == 3


@pytest.mark.parametrize(
    ("who", "names"),
    [
        ("judge", ["expert_0", "expert_1", "expert_2"]),
        ("Email Address", ["ann@x.org", "bob@x.org", "cem@x.org"]),
        ("Worker ID", ["A1", "A2", "A3"]),
        ("rater_id", ["1", "2", "3"]),
    ],
)
def test_whoever_a_file_names_as_judging_has_a_vote_of_their_own(
    database: Database, tmp_path: Path, who: str, names: list[str]
) -> None:
    row = {"prompt": "Q?", "response_a": "x", "response_b": "y"}
    rows = [row | {who: name, "winner": won} for name, won in zip(names, "AAB", strict=True)]
    at, path = context_of(database, tmp_path), file_of(tmp_path, rows)
    preview = import_preview.preview_named(path)
    assert (who in preview.used, preview.hints) == (True, ())
    import_named(at, path)
    with database.read() as session:
        outcomes = Counter(str(vote.outcome) for vote in preferences.current_votes(session))
        raters_there = {rater.name for rater in session.query(Rater)}
    assert sorted(outcomes.values()) == [1, 2]
    assert raters_there == {f"import:pairs.jsonl:{name}" for name in names}


def test_attributed_people_are_raters_of_their_own(database: Database, tmp_path: Path) -> None:
    row = {
        "id": 1,
        "data": {"prompt": "Why?", "answer1": "One.", "answer2": "Two."},
        "annotations": [
            {"completed_by": who, "result": [{"type": "pairwise", "value": {"selected": side}}]}
            for who, side in ((7, "left"), (8, "right"))
        ],
    }
    import_named(context_of(database, tmp_path), file_of(tmp_path, [row], "ls.json"), name="ls")
    with database.read() as session:
        votes = preferences.current_votes(session)
        assert [(one.rater.name, one.rater.kind, one.outcome) for one in votes] == [
            ("import:ls:7", RaterKind.HUMAN, Outcome.LEFT),
            ("import:ls:8", RaterKind.HUMAN, Outcome.RIGHT),
        ]


def test_labels_of_single_completions_are_scores_and_no_votes(
    database: Database, tmp_path: Path
) -> None:
    rows = [
        {"prompt": "Why?", "completion": "Because.", "label": True},
        {"prompt": "Why?", "completion": "No idea.", "label": False},
    ]
    done = import_named(context_of(database, tmp_path), file_of(tmp_path, rows, "kto.jsonl"))
    assert (done.counts["rounds"], done.counts["scores"], done.counts.get("votes", 0)) == (2, 2, 0)
    with database.read() as session:
        scores = session.query(Round.response, Score.value).join(Score, Score.round_id == Round.id)
        assert dict(scores.all()) == {"Because.": 1.0, "No idea.": 0.0}


def test_one_bad_row_keeps_all_out_even_behind_many_good_ones(
    database: Database, tmp_path: Path
) -> None:
    rows = [PAIR | {"prompt": f"Why {n}?"} for n in range(BATCH + 1)]
    bad = PAIR | {"rejected": PAIR["chosen"]}
    at, path = context_of(database, tmp_path), file_of(tmp_path, [*rows, bad])
    with pytest.raises(
        InputError, match=rf"line {BATCH + 2}: 'chosen' and 'rejected' are the same text"
    ):
        import_named(at, path)
    assert not any(stored(database).values())

    done = import_named(at, path, skip_bad=True)
    assert (done.n_new, done.n_skipped, len(done.mistakes)) == (BATCH + 1, 1, 1)
    assert stored(database)["votes"] == BATCH + 1


def test_a_vote_that_withdraws_nothing_keeps_the_whole_file_out(
    database: Database, tmp_path: Path
) -> None:
    fill(database)
    at = context_of(database, tmp_path)
    exporting.write(at, ExportRequest(What.VOTES), tmp_path / "votes.jsonl")
    rows = [
        json.loads(line)
        for line in (tmp_path / "votes.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    undone = next(row for row in rows if row["outcome"] == "withdrawn")
    fresh = {**undone, "key": "another", "rater": "nobody else"}
    before = stored(database)
    with pytest.raises(InputError, match="'another' withdraws a vote that is neither"):
        import_named(at, file_of(tmp_path, [{**rows[0], "key": "new", "rater": "eve"}, fresh]))
    assert stored(database) == before


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"thrice_vote": 2}, "this version reads 1"),
        ({"rater_kind": "admin"}, "'rater_kind' is 'admin'"),
        ({"strength": 9}, "'strength' is 9"),
        ({"created_at": "yesterday"}, "'created_at' is 'yesterday'"),
        ({"key": "x" * 65}, "'key' has 65 characters"),
        ({"left": {"raw": 1}}, "'left.raw' is a int"),
        ({"prompt": []}, "'prompt' is a list"),
        ({"outcome": "purple"}, "'outcome' is 'purple'"),
        (
            {"left": COMPLETION | {"history": [COMPLETION | {"history": [COMPLETION]}]}},
            "has a history",
        ),
        ({"left": COMPLETION | {"shown": {"__class__": "x"}}}, "'shown' holds"),
    ],
)
def test_a_forged_row_of_our_own_format_is_refused_in_words(
    database: Database, tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    fill(database)
    at = context_of(database, tmp_path)
    exporting.write(at, ExportRequest(What.VOTES), tmp_path / "votes.jsonl")
    row = json.loads((tmp_path / "votes.jsonl").read_text(encoding="utf-8").splitlines()[0])
    with pytest.raises(InputError, match=words):
        import_named(at, file_of(tmp_path, [row | {"key": "new"} | changed]))


def test_prompts_alone_are_stored_once(database: Database, tmp_path: Path) -> None:
    rows = [
        {"question": "Why?"},
        {"question": "Why?"},
        {"question": "Who?", "reference_answer": "Me"},
    ]
    done = import_named(context_of(database, tmp_path), file_of(tmp_path, rows))
    assert (done.n_new, done.n_known, done.counts) == (2, 1, {"prompts": 2})


def test_a_data_set_by_name_is_imported_as_its_rows(database: Database, tmp_path: Path) -> None:
    path = file_of(tmp_path, [PAIR])
    done = import_named(context_of(database, tmp_path), f"hf:{path}", name="local")
    assert (done.n_new, done.name) == (1, "local")
    with pytest.raises(InputError, match="cannot be loaded"):
        import_named(context_of(database, tmp_path), "hf:nobody/nothing")


def test_records_are_imported_in_the_callers_transaction(database: Database) -> None:
    left, right = (CompletionText(text, "", text, thinking=False) for text in "ab")
    pairs = [JudgedPair(PromptText(f"{n}?"), left, right, ()) for n in range(3)]
    with database.write() as session:
        assert import_records(session, pairs, "bench").n_new == 3
    assert (stored(database)["comparisons"], stored(database)["votes"]) == (3, 0)


def test_a_campaign_of_imported_pairs_names_the_import_plainly(
    database: Database, tmp_path: Path
) -> None:
    at = context_of(database, tmp_path)
    for name in ("fruit", "Trees", "trees"):
        import_named(at, file_of(tmp_path, [PAIR | {"prompt": name}], f"{name}.jsonl"), name=name)

    def n_pairs(name: str) -> int:
        source = Source(SourceKind.IMPORTED, import_name=name)
        return candidates.preview(at, source, "response")

    assert [n_pairs(one) for one in ("fruit", "import:fruit", "FRUIT", "trees", "Trees")] == [1] * 5
    with pytest.raises(
        InputError, match=r"several imports: import:Trees, import:trees\. Write one"
    ):
        n_pairs("TREES")
    with pytest.raises(InputError, match=r"no import 'nuts'\. There are: Trees, fruit, trees"):
        n_pairs("nuts")
