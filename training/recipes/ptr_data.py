"""Makes refinement data: questions, attempts, and final answers worth learning (PTR, 2410.13413).

What is learnt from it is another job's business: thought-mask fine-tuning takes the rounds as they
are stored here. The result of the job has counts and tables, a table being a list of rows::

    {"n_read", "n_queries", "n_trajectories", "ended_itself_share": of all thoughts, or None,
     "thoughts": [{"round", "n", "ended_itself_share"}, …] of rounds that a model wrote,
     "cleaning": [{"reason", "n"}, …], "dropped": [{"reason", "n"}, …],
     "superiority": [{"judge", "n", "n_better", "n_worse", "mean_attempt", "mean_final", "p",
                      "effect"}], or [] where nothing could be scored,
     "consistency": [{"n", "mean", "threshold", "n_removed", "removal_rate"}], [] when it was off,
     "next_job_id": the fine-tuning that learns them, with `learn` only}
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from statistics import fmean
from typing import Any

from db.models import Adapter, JobKind, Run
from db.registry import jobs
from db.storage.session import Session
from ptrapp.analysis.thoughts import ended_itself_share
from ptrapp.core.errors import NothingToLearn
from ptrapp.judges.base import Judge
from ptrapp.judges.opening import close_judge, open_judge
from ptrapp.judges.verifier import Verifier
from ptrapp.recipes.ptr_data import BEST_OF_N, PtrDataConfig, resolved
from ptrapp.recipes.reading import read
from training.generation.fitting import fitting_source
from training.jobs.claim import Claim
from training.jobs.ranks import Ranks
from training.policy.lineage import find_parent
from training.ptr import queries, superiority
from training.ptr.consistency import open_embedding
from training.ptr.finals import finals_source
from training.ptr.generators import open_generators
from training.ptr.progressive import progressive_chunk
from training.ptr.queries import Query
from training.ptr.storing import dropped_of, runs_so_far, store, stored_indices, trajectories_of
from training.ptr.trajectories import generate_chunk

GENERATING = "generating trajectories"


def run(claim: Claim, ranks: Ranks) -> None:
    """Generates and stores trajectories for the job's questions, and tests the finals."""
    config = read(PtrDataConfig, claim.payload.settings, "settings")
    config = resolved(replace(config, queries=fitting_source(claim.settings, config.queries)))
    parent = find_parent(claim)
    if not ranks.leads:
        return  # one process writes; the others have nothing to wait for

    claim.enter("choosing questions")
    chosen = queries.choose_once(claim, config)
    claim.note(queries.in_words(chosen))

    claim.enter("loading the model")
    judge = open_judge(claim.settings)
    if isinstance(judge, Verifier):  # what is imitated keeps more, it is not only nearer
        judge = Verifier(nearness=False)
    try:
        _generate(claim, config, parent, chosen.queries, judge)
        claim.enter("judging finals")
        runs = runs_so_far(claim)
        written = trajectories_of(runs)
        if not written:
            raise NothingToLearn(f"No question gave a trajectory: {dict(dropped_of(runs))}.")
        result = superiority.measure(claim, judge, written)
    finally:
        close_judge(judge)
    sentence = superiority.in_words(result, selected=config.final == BEST_OF_N)
    claim.note(sentence, "info" if superiority.is_superior(result) else "warning")
    agreed = _consistency(runs, config)
    if agreed:
        claim.note(
            f"{agreed['n_removed']} of {agreed['n']} questions ({agreed['removal_rate']:.0%}) were "
            f"dropped because their finals disagree; the mean cosine is {agreed['mean']:.3f}."
        )
    found: dict[str, Any] = {
        "n_read": chosen.n_read,
        "n_queries": len(chosen.queries),
        "n_trajectories": len(written),
        **_thoughts(written),
        "cleaning": _table(chosen.dropped),
        "dropped": _table(dropped_of(runs)),
        "superiority": [asdict(result)] if result else [],
        "consistency": [agreed] if agreed else [],
    }
    with claim.database.write() as session:
        if config.learn:
            found["next_job_id"] = _learn(claim, config, session)
        jobs.finish(session, claim.job_id, claim.token, found)


def _learn(claim: Claim, config: PtrDataConfig, session: Session) -> int:
    """Queues the fine-tuning that learns the data, in the transaction that ends this job."""
    payload = asdict(claim.payload) | {"settings": config.learning}
    after = f"mask_sft:after:{claim.job_id}"
    return jobs.enqueue(session, JobKind.MASK_SFT, payload, dedup=after).id


def _generate(
    claim: Claim,
    config: PtrDataConfig,
    parent: Adapter | None,
    asked: Sequence[Query],
    judge: Judge,
) -> None:
    """Generates and stores the questions that are not stored yet, always in the same chunks."""
    done = stored_indices(runs_so_far(claim))
    if len(done) == len(asked):
        return
    embed = open_embedding(claim, config, parent)
    with open_generators(claim, config, parent) as generators:
        config = config.for_model(generators.fmt)
        finals = finals_source(generators, config, claim.database, judge, embed)
        claim.enter(GENERATING)
        began, n_before = time.monotonic(), len(done)
        for start in range(0, len(asked), config.chunk_size):
            if start in done:
                continue
            chunk = asked[start : start + config.chunk_size]
            if config.progressive:
                outcomes = progressive_chunk(generators, config, chunk, start, judge)
            else:
                outcomes = generate_chunk(generators, config, chunk, start, finals)
            store(claim, generators, config, outcomes)
            done |= set(range(start, start + len(chunk)))
            question_s = (time.monotonic() - began) / (len(done) - n_before)
            claim.report(GENERATING, len(done), len(asked), question_s * (len(asked) - len(done)))


def _table(counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """Returns rows of reasons, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"reason": reason, "n": n} for reason, n in ordered]


def _thoughts(written: Sequence[Run]) -> dict[str, Any]:
    """Returns the shares of thoughts that the model ended itself, in all and by round.

    What a program or a person wrote has no such end, and neither has a direct answer.
    """
    ends = [
        (round_.index + 1, round_.thought_end)
        for run in written
        for round_ in run.rounds
        if round_.thought_end is not None
    ]
    by_round: dict[int, list[str]] = {}
    for at, end in sorted(ends):
        by_round.setdefault(at, []).append(end)
    return {
        "ended_itself_share": ended_itself_share(end for _, end in ends),
        "thoughts": [
            {"round": at, "n": len(found), "ended_itself_share": ended_itself_share(found)}
            for at, found in by_round.items()
        ],
    }


def _consistency(runs: Sequence[Run], config: PtrDataConfig) -> dict[str, Any] | None:
    """Returns what the filter measured and removed; None when it was off."""
    cosines = [run.settings["consistency"] for run in runs]
    known = [cosine for cosine in cosines if cosine is not None]
    if not config.consistency or not known:
        return None
    n_removed = sum(cosine < config.consistency for cosine in known)
    return {
        "n": len(known),
        "mean": fmean(known),
        "threshold": config.consistency,
        "n_removed": n_removed,
        "removal_rate": n_removed / len(known),
    }
