"""Reading for exports, on both databases: as of a vote, by kind, by campaign, in pages."""

from pathlib import Path
from typing import Any

import pytest
from stored_votes import context, fill, refine, sample, vote

from db.labelling import comparisons, exports, raters, votes
from db.labelling.exports import VoteFilter
from db.models import Aspect, Campaign, CampaignItem, CampaignState, Outcome, RaterKind
from db.storage.session import Database, Session
from ptrapp.services.files import exporting
from ptrapp.services.files.exporting import ExportRequest, What
from ptrapp.services.kept_counts import KeptCounts


def outcomes(session: Session, chosen: VoteFilter) -> list[list[tuple[str, Outcome]]]:
    return [
        [(one.vote.rater.name, one.vote.outcome) for one in row.votes]
        for page in exports.judged_pairs(session, chosen)
        for row in page
    ]


def test_the_votes_that_were_current_at_a_vote_are_read_from_the_log(database: Database) -> None:
    with database.write() as session:
        a, b = sample(session, "Q?", "a", "b")
        vote(session, "ann", a, b, Outcome.LEFT)
        vote(session, "ann", a, b, Outcome.RIGHT)
        votes.undo_last(session, raters.ensure_rater(session, RaterKind.HUMAN, "ann").id, "u")
    with database.read() as session:
        current = [outcomes(session, VoteFilter(up_to)) for up_to in range(4)]
    assert current == [[], [[("ann", Outcome.LEFT)]], [[("ann", Outcome.RIGHT)]], []]


def test_votes_are_filtered_by_campaign_kind_and_aspect(database: Database) -> None:
    fill(database)
    with database.write() as session:
        a, b = sample(session, "In it?", "a", "b")
        pair = comparisons.ensure_comparison(session, a.id, b.id)
        campaign = Campaign(name="c", aspect=Aspect.RESPONSE, state=CampaignState.OPEN, mix={})
        session.add(campaign)
        session.flush()
        session.add(
            CampaignItem(campaign_id=campaign.id, comparison_id=pair.id, overlap=1, draw=0.5)
        )
        vote(session, "ann", a, b, Outcome.TIE)
        newest = votes.highest_vote_id(session)
    with database.read() as session:
        everything = outcomes(session, VoteFilter(newest))
        assert outcomes(session, VoteFilter(newest, campaign.id)) == [[("ann", Outcome.TIE)]]
        judged = outcomes(session, VoteFilter(newest, kinds=frozenset({RaterKind.JUDGE})))
        assert {name for row in judged for name, _ in row} == {"llm:m"}
        thoughts = outcomes(session, VoteFilter(newest, aspect=Aspect.THOUGHT))
        assert thoughts == [[("ann", Outcome.LEFT)]]
        assert ("ann", Outcome.TIE) in [one for row in everything for one in row]


def test_pages_join_without_a_gap(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(database)
    with database.read() as session:
        newest = votes.highest_vote_id(session)
        whole = [
            one.vote.key for page in exports.all_votes(session, VoteFilter(newest)) for one in page
        ]
        pairs = outcomes(session, VoteFilter(newest))
        for size in (1, 2, len(whole)):
            monkeypatch.setattr(exports, "_AT_ONCE", size)
            pages = list(exports.all_votes(session, VoteFilter(newest)))
            assert [one.vote.key for page in pages for one in page] == whole
            assert outcomes(session, VoteFilter(newest)) == pairs


def test_copies_of_a_round_are_counted_in_their_order(database: Database) -> None:
    with database.write() as session:
        a, b, c = sample(session, "Q?", "same", "other", "same")
        d, e = refine(session, "R?", "same", "same")
        found = exports.count_copies(session, [one.id for one in (a, b, c, d, e)])
    assert found == {c.id: 1}


@pytest.mark.parametrize("what", list(What))
def test_every_export_is_written_on_both_databases(
    database: Database, tmp_path: Path, what: What
) -> None:
    fill(database)
    at: Any = context(database, tmp_path)
    manifest = exporting.write(at, ExportRequest(what), tmp_path / "a.jsonl")
    expected = {
        What.VOTES: 15,
        What.PREFERENCES: 3,
        What.UNPAIRED: 5,
        What.REFINEMENTS: 1,
        What.PROMPTS: 3,
        What.SCORES: 2,
    }
    assert manifest.n_rows == expected[what]


def test_sources_are_counted(database: Database) -> None:
    fill(database)
    with database.read() as session:
        found = KeptCounts().current(session)
        rows = {row.source: row for row in found.sources}
        assert (rows["play"].n_prompts, rows["play"].n_rounds) == (1, 3)
        assert (rows["generated"].n_prompts, rows["generated"].n_rounds) == (2, 5)
        assert sum(row.n_votes for row in rows.values()) == 15
        assert found.n_votes == {"human": 13, "judge": 2}
