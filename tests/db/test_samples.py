"""Samples of jobs: the prompts they used, their runs, votes on their rounds."""

from typing import Any
from uuid import uuid4

from db.content import rounds, samples
from db.labelling import comparisons, raters, votes
from db.models import Adapter, JobKind, Outcome, Partition, Prompt, RaterKind, RunMode
from db.registry import adapters, jobs
from db.storage.session import Session


def queued(session: Session, kind: JobKind) -> int:
    return jobs.enqueue(session, kind, {}, dedup=uuid4().hex).id


def version(session: Session, kind: JobKind, parent: Adapter | None, highest: int) -> Adapter:
    """A version that a job of this kind made of votes up to `highest`."""
    job_id = queued(session, kind)
    snapshot = adapters.save_snapshot(
        session, job_id=job_id, sha256="s", path="p", highest_vote_id=highest, n_rows=1, manifest={}
    )
    return adapters.register(
        session,
        name=f"{kind.value}-{job_id}",
        parent_id=parent.id if parent else None,
        job_id=job_id,
        snapshot_id=snapshot.id,
        base_model="m",
        path="p",
        sha256="s",
        metrics={},
    )


def test_a_prompt_is_used_up_by_the_kind_of_job_that_chose_it(world: Any) -> None:
    with world.database.write() as session:
        job_id = queued(session, JobKind.TPO)
        first = rounds.start_run(session, world.prompt_id, RunMode.JOB, {}, job_id=job_id)
        again = rounds.start_run(session, world.prompt_id, RunMode.JOB, {}, job_id=job_id)
    with world.database.read() as session:
        assert samples.sampled_by(session, JobKind.TPO) == {world.prompt_id}
        assert samples.sampled_by(session, JobKind.PTR_DATA) == set()
        own = samples.runs_of_job(session, job_id)
    assert [run.id for run in own] == [first.id, again.id]
    assert own[0].rounds == []
    assert own[0].prompt.id == world.prompt_id


def test_prompts_for_evaluation_are_not_for_training(world: Any) -> None:
    with world.database.write() as session:
        assert world.prompt_id in {prompt.id for prompt in samples.train_prompts(session)}
        session.get_one(Prompt, world.prompt_id).partition = Partition.EVAL
    with world.database.read() as session:
        assert world.prompt_id not in {prompt.id for prompt in samples.train_prompts(session)}


def test_votes_on_a_jobs_rounds_are_filtered_by_rater_kind_without_withdrawn_ones(
    world: Any,
) -> None:
    with world.database.write() as session:
        job_id = queued(session, JobKind.TPO)
        run = rounds.load_run(session, world.run_id)
        assert run is not None
        first, later, *_ = run.rounds
        judge = raters.ensure_rater(session, RaterKind.JUDGE, "judge:test")
        person = raters.ensure_rater(session, RaterKind.HUMAN, "Eve")
        comparison = comparisons.ensure_comparison(session, first.id, later.id)
        votes.judge_vote(session, judge.id, comparison.id, Outcome.LEFT, None, "a")
        offer = comparisons.offer(session, person.id, comparison.id, flipped=False)
        votes.cast_vote(session, offer.key, Outcome.RIGHT)
        assert samples.votes_on_job(session, job_id, RaterKind.JUDGE) == []
        run.job_id = job_id
        session.flush()
        (vote,) = samples.votes_on_job(session, job_id, RaterKind.JUDGE)
        (wished,) = samples.votes_on_job(session, job_id, RaterKind.HUMAN)
        assert (vote.outcome, wished.outcome) == (Outcome.LEFT, Outcome.RIGHT)
        votes.undo_last(session, person.id, "undo")
        assert samples.votes_on_job(session, job_id, RaterKind.HUMAN) == []


def test_votes_are_used_up_by_the_last_version_that_learns_by_preference(world: Any) -> None:
    with world.database.write() as session:
        by_dpo = version(session, JobKind.DPO, None, 7)
        by_sft = version(session, JobKind.MASK_SFT, by_dpo, 9)
        by_tpo = version(session, JobKind.TPO, by_sft, 8)
        assert adapters.votes_learnt_up_to(session, None) == 0
        assert adapters.votes_learnt_up_to(session, by_sft) == 7
        assert adapters.votes_learnt_up_to(session, by_tpo) == 8
