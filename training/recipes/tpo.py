"""One iteration of Thought Preference Optimization: M_t samples, a judge scores, M_t+1 is trained.

TPO (arXiv 2410.10630, section 2.1). The judge sees responses, the loss thought and response. Each
stage stores its result and reads it again, so an iteration resumes wherever it was interrupted::

    prompts → runs   samples → rounds   scores → scores, votes   pairs → snapshot   version
"""

import time
from collections import Counter
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from db.content import samples
from db.labelling import votes
from db.models import Adapter, JobKind, RaterKind
from db.registry import adapters, jobs
from db.storage.session import Session
from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.judges.opening import close_judge, open_judge
from ptrapp.recipes.reading import read
from ptrapp.recipes.tpo import TpoConfig, check
from training.data import snapshot
from training.data.examples import Gathered, PairExample
from training.data.pairs import gather_pairs
from training.generation.fitting import fitting_source
from training.generation.serving import serving
from training.jobs.claim import Claim, StopRequested
from training.jobs.payload import Filters
from training.jobs.ranks import Ranks
from training.loop.preference_training import learn_pairs
from training.policy.lineage import find_parent
from training.policy.model import load_base_of, make_policy
from training.policy.publish import Origin, publish
from training.tpo import metrics
from training.tpo.judging import judge_samples
from training.tpo.pairs import pair
from training.tpo.prompts import choose, selection_prompts
from training.tpo.sampling import refuse_only_malformed, sample
from training.tpo.selection import select

POLL_S = 0.5
"""Seconds between two checks of a process that waits for the leader to make the pairs."""


def run(claim: Claim, ranks: Ranks) -> str:
    """Does one iteration, publishes its version and queues the next iteration; returns the name."""
    began = time.monotonic()
    config = read(TpoConfig, claim.payload.settings, "settings")
    config = replace(config, prompts=fitting_source(claim.settings, config.prompts))
    check(config)
    parent = find_parent(claim)

    if ranks.leads and not snapshot.exists(claim.folder):
        _make_pairs(claim, config, parent)
    _await_pairs(claim)
    frozen = snapshot.read(claim.folder)
    row = snapshot.register(claim, frozen)
    found = metrics.read(claim)
    claim.note(metrics.in_words(found))

    claim.enter("loading the model")
    base = load_base_of(claim, config, ranks)
    policy = make_policy(base, parent, config, max_rank=claim.settings.max_lora_rank)
    weights_folder = claim.folder / "kept"
    learnt = learn_pairs(
        claim,
        ranks,
        config,
        policy,
        parent,
        frozen,
        weights_folder=weights_folder if config.n_selection else None,
    )
    weights = learnt.fitted.weights

    if ranks.leads and (held_out := selection_prompts(claim)):
        claim.enter("selecting the checkpoint")
        selected = select(claim, config, policy, parent, held_out, weights_folder)
        if selected is not None:
            weights = selected.weights
            found |= {
                "selected_step": selected.step,
                "selection": selected.means,
                "response_characters": selected.lengths,
            }

    claim.report("publishing", learnt.fitted.n_steps, learnt.fitted.n_steps, None)
    seconds = {"seconds": round(time.monotonic() - began, 1)}
    origin = Origin(parent, row, learnt.settings, learnt.summary | found | seconds)
    return publish(
        claim, policy, weights, origin, conclude=partial(_conclude, claim, config, found | seconds)
    )


def _make_pairs(claim: Claim, config: TpoConfig, parent: Adapter | None) -> None:
    """Makes frozen pairs from fresh prompts. Raises `NothingToLearn` when there are none."""
    claim.enter("choosing prompts")
    runs = choose(claim, config, parent)

    claim.enter("sampling")
    with serving(claim, parent) as (engine, policy):
        sample(claim, config, engine, policy, runs)
        fmt = engine.thought_format
    with claim.database.read() as session:
        runs = samples.runs_of_job(session, claim.job_id)
    refuse_only_malformed(runs, fmt, config.thinking)

    claim.enter("judging")
    judge = open_judge(claim.settings)
    try:
        judged = judge_samples(claim, config, judge, runs)
    finally:
        close_judge(judge)

    claim.enter("freezing the pairs")
    paired = pair(config, runs, judged.values, fmt)
    found = metrics.metrics(runs, judged, paired, config.treatment(fmt))
    gathered, after = _with_human_pairs(claim, config, parent, fmt, paired.examples)
    found["n_human_pairs"] = len(gathered.examples) - len(paired.examples)
    metrics.write(claim, found)
    snapshot.freeze(
        claim.folder,
        gathered,
        kind=claim.kind.value,
        after_vote_id=after,
        thought_format=fmt.name,
        filters=asdict(claim.payload.filters),
        seed=config.seed,
    )


def _with_human_pairs(
    claim: Claim,
    config: TpoConfig,
    parent: Adapter | None,
    fmt: ThoughtFormat,
    examples: tuple[PairExample, ...],
) -> tuple[Gathered[PairExample], int]:
    """Adds people's votes that no version has learnt, if asked for; returns the id before them."""
    with claim.database.read() as session:
        after = adapters.votes_learnt_up_to(session, parent)
        if not config.with_human_pairs:
            return Gathered(examples, Counter(), after), after
        filters = Filters(claim.payload.filters.runs, (RaterKind.HUMAN,))
        human_pairs = gather_pairs(session, fmt, filters, after=after)
        highest = votes.highest_vote_id(session)
    return Gathered((*examples, *human_pairs.examples), human_pairs.dropped, highest), after


def _await_pairs(claim: Claim) -> None:
    """Waits until the leader has frozen the pairs: hours, after which a barrier would time out."""
    while not snapshot.exists(claim.folder):
        if claim.stop.wait(POLL_S):
            raise StopRequested


def _conclude(
    claim: Claim, config: TpoConfig, found: dict[str, Any], session: Session, made: Adapter
) -> dict[str, Any]:
    """Queues the next iteration in the transaction that registers this one's version."""
    if config.iterations == 1:
        return found | {"next_job_id": None}
    settings = claim.payload.settings | {"iterations": config.iterations - 1}
    payload = {
        "parent_adapter_id": made.id,
        "base_model": claim.payload.base_model,
        "settings": settings,
        "filters": asdict(claim.payload.filters),
        "started_by": claim.payload.started_by,
        "started_by_id": claim.payload.started_by_id,
    }
    following = jobs.enqueue(session, JobKind.TPO, payload, dedup=f"tpo:after:{claim.job_id}")
    return found | {"next_job_id": following.id}
