"""Labels a campaign by a judge, under the judge's own name, each comparison once."""

import random

from db.labelling import campaigns, judging, raters
from db.models import Aspect, Outcome, RaterKind
from db.registry import jobs
from ptrapp.core.errors import ConfigurationError
from ptrapp.judges.base import Judge, rater_name
from ptrapp.judges.opening import close_judge, open_judge
from ptrapp.preferences.uncertainty import uncertainties
from ptrapp.recipes.judging import JudgeConfig
from ptrapp.recipes.reading import read
from training.jobs.claim import Claim
from training.jobs.ranks import Ranks
from training.judging.labelling import CampaignJudging, label
from training.judging.pointwise_scores import PointwiseScores, ResponseScores, ThoughtScores
from training.judging.result import note_result, result_of

_ITEMS_PER_TRANSACTION = 2_000
"""Comparisons updated in one transaction: a rater waits no longer than for one of them."""


def run(claim: Claim, ranks: Ranks) -> None:
    """Has every comparison judged that this judge has not voted on, and stores the counts.

    A killed or stopped job resumes after the last stored batch. Afterwards the comparisons that
    people may still be given are ordered by the judge's uncertainty. One process does it all.
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
        task = _task(claim, config, judge, campaign.aspect)
        unscored = label(claim, task)
    finally:
        close_judge(judge)

    claim.enter("ordering by uncertainty")
    _store_uncertainty(claim, task)
    with claim.database.read() as session:
        result = result_of(session, config.campaign_id, judge.name, unscored)
    note_result(claim, result)
    claim.finish(result)


def _judge(claim: Claim, config: JudgeConfig) -> Judge:
    settings = claim.settings.model_copy(update={"judge": config.judge or claim.settings.judge})
    if settings.judge == "llm" and not settings.judge_base_url:
        raise ConfigurationError(
            "judge llm needs its server's address: start with --judge-base-url http://HOST:PORT/v1."
        )
    return open_judge(settings)


def _task(claim: Claim, config: JudgeConfig, judge: Judge, aspect: Aspect) -> CampaignJudging:
    name = rater_name(judge.name)
    with claim.database.write() as session:
        rater_id = raters.ensure_rater(session, RaterKind.JUDGE, name).id
    scores: PointwiseScores = ResponseScores(rater_id, name)
    if aspect is Aspect.THOUGHT:
        scores = ThoughtScores(claim.folder / "numbers")
    return CampaignJudging(config.campaign_id, judge, rater_id, scores, config.chunk)


def _store_uncertainty(claim: Claim, task: CampaignJudging) -> None:
    """Stores the uncertainty of open comparisons, some in each transaction."""
    values, draw = _uncertainty(claim, task), random.Random(claim.job_id)
    ids = list(values)
    for start in range(0, len(ids), _ITEMS_PER_TRANSACTION):
        some = {item_id: values[item_id] for item_id in ids[start : start + _ITEMS_PER_TRANSACTION]}
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


def _uncertainty(claim: Claim, task: CampaignJudging) -> dict[int, float]:
    """Returns the judge's uncertainty of open comparisons by item id.

    It follows from the scores; without them it is 1 where the judge contradicted itself and 0 where
    it preferred the same side in both orders. Other comparisons keep the value they have.
    """
    with claim.database.read() as session:
        opened = judging.open_items(session, task.campaign_id, task.rater_id)
        pairs = [(each.left_id, each.right_id) for each in opened]
        known = task.scores.of(session, {side for pair in pairs for side in pair})
    values = {}
    for each, unsure in zip(opened, uncertainties(pairs, known), strict=True):
        if unsure is not None:
            values[each.item_id] = unsure
        elif each.agreed is False:
            values[each.item_id] = 1.0
        elif each.agreed and each.outcome in (Outcome.LEFT, Outcome.RIGHT):
            values[each.item_id] = 0.0
    return values
