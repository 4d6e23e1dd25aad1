"""Stored data is found, seen whole, tagged, corrected and deleted; each change is kept."""

from pathlib import Path

import pytest
from stored_votes import RowContext, context, refine

from db.content import prompts, rounds
from db.labelling import comparisons, preferences, raters, votes
from db.models import DataKind, Outcome, Pin, RaterKind, RunMode
from db.storage.errors import Conflict, Missing
from db.storage.session import Database
from ptrapp.core.errors import InputError
from ptrapp.core.people import Person, Role
from ptrapp.services.files import browsing
from ptrapp.services.kept_counts import KeptCounts, KeptRefined

ADA = Person("ada", Role.ADMIN)


@pytest.fixture
def at(database: Database, tmp_path: Path) -> RowContext:
    """Three answered prompts, one of them with a vote."""
    made = context(database, tmp_path / "data")
    with database.write() as session:
        for n in range(3):
            chain = refine(session, f"What is {n} + 1?", "wrong", "right", reference_answer=str(n))
        eve = raters.ensure_rater(session, RaterKind.HUMAN, "eve")
        pair = comparisons.ensure_comparison(session, chain[0].id, chain[1].id)
        offer = comparisons.offer(session, pair.id, eve.id, flipped=False)
        votes.cast_vote(session, offer.key, Outcome.RIGHT)
    return made


def found(at: RowContext, kind: DataKind = DataKind.PROMPT, **wanted: object) -> list[object]:
    return [row[1] for row in browsing.find(at, browsing.DataQuery(kind=kind, **wanted)).rows]  # type: ignore[arg-type]


def number(at: RowContext, kind: DataKind) -> int:
    return browsing.find(at, browsing.DataQuery(kind=kind)).rows[0][0]  # type: ignore[no-any-return]


def test_each_kind_is_searched_and_filtered(at: RowContext) -> None:
    newest = "What is 2 + 1?"
    assert found(at) == [newest, "What is 1 + 1?", "What is 0 + 1?"]
    assert found(at, text="IS 1") == ["What is 1 + 1?"]
    assert found(at, text="%") == []
    assert found(at, source="nowhere") == []
    assert len(found(at, DataKind.RUN, text="is 2")) == 1
    assert found(at, DataKind.PAIR) == found(at, DataKind.VOTE, rater="EV") == [newest]
    assert found(at, DataKind.VOTE, outcome=Outcome.TIE) == []
    assert browsing.find(at, browsing.DataQuery()).said == "3 prompts, page 1 of 1"
    page = browsing.find(at, browsing.DataQuery(kind=DataKind.VOTE))
    assert len(page.headers) == len(page.rows[0])


def test_texts_leave_room_for_the_columns_beside_them(at: RowContext) -> None:
    keeps = 'constraints:{"keep":[{"kind":"no_commas"}],"least_words":10,"prompt":"On tea."}'
    with at.database.write() as session:
        refine(session, "Why so " + "very " * 30 + "long?", "a", "b", reference_answer=keeps)
    _, asked, expected, *_ = browsing.find(at, browsing.DataQuery()).rows[0]
    assert asked.startswith("Why so very")
    assert asked.endswith("very…")
    assert len(asked) <= 70
    assert expected == "constraints: open it to read them"
    whole = dict(browsing.whole(at, DataKind.PROMPT, number(at, DataKind.PROMPT)).texts)
    assert whole["Prompt"].endswith("very long?")
    assert "commas" in whole["Reference answer"]
    assert "{" not in whole["Reference answer"]


def test_pages_follow_each_other(at: RowContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsing, "AT_ONCE", 2)
    first, second = (browsing.find(at, browsing.DataQuery(), page) for page in (1, 2))
    assert (len(first.rows), len(second.rows), second.n_pages) == (2, 1, 2)
    assert {row[0] for row in first.rows}.isdisjoint(row[0] for row in second.rows)


@pytest.mark.parametrize("kind", list(DataKind))
def test_a_row_is_seen_whole_and_without_thoughts(at: RowContext, kind: DataKind) -> None:
    whole = browsing.whole(at, kind, number(at, kind))
    texts = dict(whole.texts)
    assert texts["Prompt"] == "What is 2 + 1?"
    assert "Thought of" not in str(whole.texts)
    if kind is DataKind.RUN:
        assert texts["Round 2, 1, right"] == "right"
    with pytest.raises(Missing, match=f"no {kind} 999"):
        browsing.whole(at, kind, 999)


def test_a_correction_is_checked_tagged_and_kept(at: RowContext) -> None:
    prompt_id = number(at, DataKind.PROMPT)
    with at.database.read() as session:
        assert KeptRefined().current(session) == 3
    said = browsing.correct(
        at, ADA, prompt_id, text="What is 2 + 1?", answer="wrong", tags="sums,  easy ones,sums"
    )
    assert "2 of its rounds" in said
    assert found(at, tag="easy ones") == ["What is 2 + 1?"]
    assert len(found(at, DataKind.VOTE, tag="sums")) == 1
    whole = browsing.whole(at, DataKind.PROMPT, prompt_id)
    assert (whole.answer, whole.tags) == ("wrong", "easy ones, sums")
    changed = [text for name, text in whole.texts if name.startswith("Changed")]
    assert changed == ["tags: nothing → easy ones, sums", "answer: 2 → wrong"]
    with at.database.read() as session:
        assert KeptRefined().current(session) == 2, "round 2 is wrong by the new answer"
    with pytest.raises(Conflict, match="has been asked or pinned"):
        browsing.correct(at, ADA, prompt_id, text="Else?", answer="wrong", tags="")
    with pytest.raises(InputError, match="at most"):
        browsing.correct(at, ADA, prompt_id, text="What is 2 + 1?", answer="", tags="x" * 41)


def test_a_text_stays_from_when_it_is_asked_or_pinned(at: RowContext) -> None:
    with at.database.write() as session:
        asked = prompts.ensure_prompt(session, "Asked?", source="play")
        rounds.start_run(session, asked.id, RunMode.REFINE, {})
        pinned = prompts.ensure_prompt(session, "Pinned?", source="play")
        session.add(Pin(prompt_id=pinned.id, settings={}))
    for one in (asked, pinned):
        with pytest.raises(Conflict, match="has been asked or pinned"):
            browsing.correct(at, ADA, one.id, text="Else?", answer="", tags="")
        browsing.correct(at, ADA, one.id, text=one.text, answer="", tags="easy")


def test_two_prompts_never_become_one(at: RowContext) -> None:
    with at.database.write() as session:
        for text in ("Open?", "Also open?"):
            prompts.ensure_prompt(session, text, source="play")
    newest = number(at, DataKind.PROMPT)
    with pytest.raises(Conflict, match="is the same already"):
        browsing.correct(at, ADA, newest, text="Open?", answer="", tags="")
    browsing.correct(at, ADA, newest, text="Open still?", answer="", tags="")
    assert found(at)[0] == "Open still?"


@pytest.mark.parametrize("kind", [DataKind.PROMPT, DataKind.RUN, DataKind.PAIR])
def test_what_is_deleted_counts_for_nothing_until_it_is_restored(
    at: RowContext, kind: DataKind
) -> None:
    row_id = number(at, kind)
    n = len(found(at, kind))
    browsing.delete(at, ADA, kind, row_id)
    assert len(found(at, kind)) == n - 1
    assert len(found(at, kind, deleted=True)) == 1
    with at.database.read() as session:
        assert preferences.current_votes(session) == []
        assert KeptCounts().current(session).n_votes == {}
        n_refined = KeptRefined().current(session)
        assert n_refined == (3 if kind is DataKind.PAIR else 2)
    with pytest.raises(Conflict, match="deleted already"):
        browsing.delete(at, ADA, kind, row_id)
    browsing.restore(at, ADA, kind, row_id)
    assert len(found(at, kind)) == n
    with at.database.read() as session:
        assert len(preferences.current_votes(session)) == 1
        assert KeptRefined().current(session) == 3


def test_a_deleted_vote_is_withdrawn_in_the_log(at: RowContext) -> None:
    vote_id = number(at, DataKind.VOTE)
    browsing.delete(at, ADA, DataKind.VOTE, vote_id)
    assert found(at, DataKind.VOTE) == []
    assert len(found(at, DataKind.VOTE, deleted=True)) == 1
    with pytest.raises(Conflict, match="nothing to delete"):
        browsing.delete(at, ADA, DataKind.VOTE, vote_id)
    whole = browsing.whole(at, DataKind.VOTE, vote_id)
    assert [text for name, text in whole.texts if "by ada" in name] == ["deleted"]
