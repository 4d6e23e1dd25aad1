"""A judge labels a campaign, as a job: beside its people, under its own name, each pair once."""

import random

from db.labelling import campaigns, judging, raters
from db.models import Aspect, Outcome, RaterKind
from db.registry import jobs
from ptrapp.core.errors import ConfigurationError
from ptrapp.judges.base import Judge, rater_name
from ptrapp.judges.opening import close_judge, open_judge
from ptrapp.preferences.uncertainty import uncertainties
from training.jobs.claim import Claim
from training.jobs.payload import read
from training.jobs.ranks import Ranks
from training.judging.config import JudgeConfig
from training.judging.labelling import CampaignJudging, label
from training.judging.numbers import Numbers, OfResponses, OfThoughts
from training.judging.result import result_of, tell

_AT_ONCE = 2_000
"""Comparisons said anew by one transaction: no rater waits longer than for that."""


def run(claim: Claim, ranks: Ranks) -> None:
    """Have every comparison judged that this judge has not voted on, and end with the counts.

    Killed or stopped, it goes on behind the last batch that was stored. Afterwards the comparisons
    that people may still be given are ordered by how unsure this judge is. One process does it all.
    Raises `ConfigurationError` for a judge that cannot be asked here.
    """
    config = read(JudgeConfig, claim.payload.settings, "settings")
    if not ranks.leads:
        return
    claim.enter("opening the judge")
    with claim.database.read() as session:
        campaign = campaigns.find(session, config.campaign_id)
    judge = _judge(claim, config)
    try:
        turn = _turn(claim, config, judge, campaign.aspect)
        unscored = label(claim, turn)
    finally:
        close_judge(judge)

    claim.enter("ordering by uncertainty")
    _order(claim, turn)
    with claim.database.read() as session:
        result = result_of(session, config.campaign_id, judge.name, unscored)
    tell(claim, result)
    claim.finish(result)


def _judge(claim: Claim, config: JudgeConfig) -> Judge:
    settings = claim.settings.model_copy(update={"judge": config.judge or claim.settings.judge})
    if settings.judge == "llm" and not settings.judge_base_url:
        raise ConfigurationError(
            "judge llm needs its server's address: start with --judge-base-url http://HOST:PORT/v1."
        )
    return open_judge(settings)


def _turn(claim: Claim, config: JudgeConfig, judge: Judge, aspect: Aspect) -> CampaignJudging:
    name = rater_name(judge.name)
    with claim.database.write() as session:
        rater_id = raters.ensure_rater(session, RaterKind.JUDGE, name).id
    numbers: Numbers = OfResponses(rater_id, name)
    if aspect is Aspect.THOUGHT:
        numbers = OfThoughts(claim.folder / "numbers")
    return CampaignJudging(config.campaign_id, judge, rater_id, numbers, config.chunk)


def _order(claim: Claim, turn: CampaignJudging) -> None:
    """Say anew how uncertain comparisons are, each some of them in one transaction."""
    found, draw = _uncertain(claim, turn), random.Random(claim.job_id)
    ids = list(found)
    for start in range(0, len(ids), _AT_ONCE):
        some = {item_id: found[item_id] for item_id in ids[start : start + _AT_ONCE]}
        with claim.database.write() as session:
            jobs.progress(
                session,
                claim.job_id,
                claim.token,
                phase="ordering by uncertainty",
                step=start,
                n_steps=len(ids),
            )
            campaigns.set_uncertainty(session, some, draw=draw)


def _uncertain(claim: Claim, turn: CampaignJudging) -> dict[int, float]:
    """Open comparisons with how unsure the judge is, as far as it lets us know.

    By its numbers; without them 1 where it contradicted itself, 0 where it preferred the same one
    in both orders. What it is silent of stays as it was.
    """
    with claim.database.read() as session:
        opened = judging.opened(session, turn.campaign_id, turn.rater_id)
        pairs = [(each.left_id, each.right_id) for each in opened]
        known = turn.numbers.of(session, {side for pair in pairs for side in pair})
    found = {}
    for each, unsure in zip(opened, uncertainties(pairs, known), strict=True):
        if unsure is not None:
            found[each.item_id] = unsure
        elif each.agreed is False:
            found[each.item_id] = 1.0
        elif each.agreed and each.outcome in (Outcome.LEFT, Outcome.RIGHT):
            found[each.item_id] = 0.0
    return found
