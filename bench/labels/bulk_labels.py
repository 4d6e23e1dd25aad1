"""Inserts labels into the tables directly, as if people had given them.

A hundred thousand labels one by one take minutes; the cost of the next question depends on the rows
only, and a recount checks that they are as the app would have left them.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

_PICKED = """CREATE TEMP TABLE picked AS
SELECT id AS item, comparison_id AS comparison, lower(hex(randomblob(16))) AS key FROM (
    SELECT * FROM (SELECT * FROM campaign_items WHERE campaign_id = :campaign AND n_taken < overlap
    ORDER BY uncertainty DESC LIMIT :half)
    UNION
    SELECT * FROM (SELECT * FROM campaign_items WHERE campaign_id = :campaign AND n_taken < overlap
    ORDER BY draw LIMIT :n)
    LIMIT :n)"""
_LABEL = (
    """INSERT INTO offers
    (key, comparison_id, rater_id, flipped, thoughts_seen, dismissed, shown_at)
    SELECT key, comparison, :rater, 0, 0, 0, '2026-01-01 00:00:00' FROM picked""",
    """INSERT INTO assignments (campaign_id, item_id, rater_id, purpose, state, counts, tab,
    offer_key, flagged, created_at, done_at) SELECT :campaign, item, :rater, 'label', 'done', 1, '',
    key, 0, '2026-01-01 00:00:00', '2026-01-01 00:00:01' FROM picked""",
    """INSERT INTO votes (key, comparison_id, rater_id, offer_key, outcome, strength, blind, client,
    created_at) SELECT key, comparison, :rater, key, 'left', 1, 1, '', '2026-01-01 00:00:01'
    FROM picked""",
    "UPDATE campaign_items SET n_taken = n_taken + 1 WHERE id IN (SELECT item FROM picked)",
    """UPDATE campaigns SET n_taken = n_taken + (SELECT count(*) FROM picked),
    n_done = n_done + (SELECT count(*) FROM picked) WHERE id = :campaign""",
    """INSERT INTO campaign_raters (campaign_id, rater_id, n_done, n_skipped, n_practised,
    least_uncertain) SELECT :campaign, :rater, (SELECT count(*) FROM picked), 0, 0,
    (SELECT min(uncertainty) FROM (SELECT uncertainty FROM campaign_items WHERE campaign_id =
    :campaign ORDER BY uncertainty DESC LIMIT :half))""",
    "DROP TABLE picked",
)


def insert_labels(folder: Path, campaign: int, rater: int, n: int) -> None:
    """Inserts `n` labels of a rater who has none: half of the most uncertain pairs, half of any."""
    parameters = {"campaign": campaign, "rater": rater, "n": n, "half": n // 2}
    with closing(sqlite3.connect(folder / "thrice.db", timeout=60)) as file, file:
        for statement in (_PICKED, *_LABEL):
            file.execute(statement, parameters)
