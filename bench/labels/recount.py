"""Counts a campaign's rows again after a workload: acknowledged votes, and every counter.

It reads the tables directly, without the code that wrote them.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import create_engine, text

_PLAIN = "campaign_items.campaign_id = :campaign AND campaign_items.kind = 'plain'"
_STANDING = (
    "SELECT campaign_items.* FROM votes JOIN raters ON raters.id = votes.rater_id "
    "JOIN campaign_items ON campaign_items.comparison_id = votes.comparison_id "
    "JOIN assignments ON assignments.item_id = campaign_items.id "
    "AND assignments.rater_id = votes.rater_id AND assignments.purpose = votes.purpose "
    f"WHERE {_PLAIN} AND raters.kind = 'human' AND votes.purpose = 'label' "
    "AND votes.outcome <> 'withdrawn' "
    "AND NOT EXISTS (SELECT 1 FROM votes later WHERE later.supersedes_id = votes.id)"
)
"""Selects the item of each label that a person gave in the campaign; another campaign may have the
pair as well."""
_NOT_UNDONE = (
    "NOT EXISTS (SELECT 1 FROM votes JOIN votes later ON later.supersedes_id = votes.id "
    "WHERE votes.offer_key = offers.key AND later.outcome = 'withdrawn')"
)
"""Excludes a pair whose vote was undone: it is shown to its rater again under another key."""
_NOT_UNSKIPPED = (
    "NOT (offers.dismissed AND EXISTS (SELECT 1 FROM offers again "
    "WHERE again.rater_id = offers.rater_id AND again.comparison_id = offers.comparison_id "
    "AND substr(again.key, 13, 1) = '5'))"
)
"""Excludes a pair whose skip was undone: the offer of an undo has a UUID of version 5."""
_TAKEN = "assignments.counts AND assignments.state IN ('reserved', 'done')"
_QUERIES = {
    "n_votes": f"SELECT count(*) FROM ({_STANDING}) AS standing",
    "n_over_labelled": "SELECT count(*) FROM (SELECT 1 FROM "
    f"({_STANDING}) AS standing GROUP BY id HAVING count(*) > max(overlap)) AS over_labelled",
    "n_twice_to_a_person": "SELECT count(*) FROM (SELECT 1 FROM offers "
    "JOIN campaign_items USING (comparison_id) "
    f"WHERE {_PLAIN} AND offers.purpose = 'label' AND {_NOT_UNDONE} AND {_NOT_UNSKIPPED} "
    "GROUP BY offers.rater_id, offers.comparison_id HAVING count(*) > 1) AS twice",
    "n_items_miscounted": "SELECT count(*) FROM campaign_items WHERE campaign_id = :campaign "
    "AND n_taken <> (SELECT count(*) FROM assignments "
    f"WHERE assignments.item_id = campaign_items.id AND {_TAKEN})",
    "n_raters_miscounted": "SELECT count(*) FROM campaign_raters r WHERE campaign_id = :campaign "
    "AND n_done <> (SELECT count(*) FROM assignments a WHERE a.campaign_id = r.campaign_id "
    "AND a.rater_id = r.rater_id AND a.purpose = 'label' AND a.state = 'done')",
    "n_taken_off": "SELECT abs(n_taken - (SELECT count(*) FROM assignments "
    f"WHERE assignments.campaign_id = :campaign AND {_TAKEN})) "
    "FROM campaigns WHERE id = :campaign",
    "n_done_off": "SELECT abs(n_done - (SELECT count(*) FROM assignments "
    "WHERE assignments.campaign_id = :campaign AND assignments.counts "
    "AND assignments.state = 'done')) FROM campaigns WHERE id = :campaign",
    "n_slots_off": "SELECT abs(n_slots - (SELECT coalesce(sum(overlap), 0) FROM campaign_items "
    f"WHERE {_PLAIN})) FROM campaigns WHERE id = :campaign",
}


class Recount(NamedTuple):
    """What the tables say of one campaign; everything but the votes should be zero."""

    n_lost: int
    """Acknowledged votes that are not stored."""
    n_votes: int
    """People's current labels."""
    n_over_labelled: int
    """Comparisons with more labels than were asked for."""
    n_twice_to_a_person: int
    """Pairs that one person was shown under two keys."""
    n_items_miscounted: int
    n_raters_miscounted: int
    n_taken_off: int
    """Difference between the campaign's counter and the rows it counts; likewise the next two."""
    n_done_off: int
    n_slots_off: int

    @property
    def flaws(self) -> dict[str, int]:
        """The counts that are not zero and should be."""
        return {name: n for name, n in self._asdict().items() if n and name != "n_votes"}


def recount(folder: Path, campaign: int, acknowledged: Iterable[str], *, url: str = "") -> Recount:
    """Counts a campaign's rows in the database at `url`, by default the file in `folder`."""
    engine = create_engine(url or f"sqlite:///{folder / 'thrice.db'}")
    with engine.connect() as connection:
        stored = set(connection.scalars(text("SELECT offer_key FROM votes")))
        found = {
            name: connection.scalar(text(query), {"campaign": campaign})
            for name, query in _QUERIES.items()
        }
    engine.dispose()
    return Recount(n_lost=len(set(acknowledged) - stored), **found)
