"""Fills an empty database as years of work would: prompts, runs, a campaign's votes, jobs."""

from collections.abc import Callable, Iterator
from random import Random

from sqlalchemy import insert, text

from bench.growth import labels, texts
from bench.growth.size import Size
from bench.growth.texts import Row
from db.models import (
    Assignment,
    Base,
    Campaign,
    CampaignItem,
    CampaignRater,
    Comparison,
    Job,
    JobKind,
    JobMetric,
    JobStatus,
    Offer,
    Prompt,
    Rater,
    Round,
    Run,
    Vote,
)
from db.storage.session import Database

_AT_ONCE = 2_000
_N_CURVE_STEPS = 50
_CURVES = ("loss", "rewards/margins", "rewards/accuracies", "eval_loss")


def fill(database: Database, size: Size) -> None:
    """Stores everything; the same size makes the same rows."""
    random = Random(0)
    tables: tuple[tuple[type[Base], Callable[[Size, Random], Iterator[Row]]], ...] = (
        (Rater, texts.raters),
        (Prompt, texts.prompts),
        (Run, texts.runs),
        (Round, texts.rounds),
        (Comparison, texts.comparisons),
        (Offer, labels.offers),
        (Vote, labels.votes),
        (Campaign, labels.campaign),
        (CampaignItem, labels.items),
        (CampaignRater, labels.campaign_raters),
        (Assignment, labels.assignments),
        (Job, _jobs),
        (JobMetric, _metrics),
    )
    for table, rows in tables:
        _store(database, table, rows(size, random))


def _store(database: Database, table: type[Base], rows: Iterator[Row]) -> None:
    part: list[Row] = []
    for row in rows:
        part.append(row)
        if len(part) == _AT_ONCE:
            _insert(database, table, part)
            part = []
    _insert(database, table, part)
    with database.write() as session:
        if session.get_bind().dialect.name == "postgresql" and "id" in table.__table__.c:
            name = table.__tablename__
            session.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), "
                    f"(SELECT coalesce(max(id), 1) FROM {name}))"
                )
            )


def _insert(database: Database, table: type[Base], rows: list[Row]) -> None:
    if rows:
        with database.write() as session:
            session.execute(insert(table), rows)


def _jobs(size: Size, random: Random) -> Iterator[Row]:
    for number in range(1, size.jobs + 1):
        yield {
            "id": number,
            "kind": JobKind.DPO,
            "payload": {"settings": {}},
            "dedup": f"bench-{number}",
            "status": JobStatus.FAILED,
            "error": "It was only made to be listed.",
        }


def _metrics(size: Size, random: Random) -> Iterator[Row]:
    for job in range(1, size.jobs + 1):
        for step in range(1, _N_CURVE_STEPS + 1):
            for name in _CURVES:
                yield {"job_id": job, "step": step, "name": name, "value": random.random()}
