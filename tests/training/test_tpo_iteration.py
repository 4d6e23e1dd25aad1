"""A whole TPO iteration in this process: fresh prompts, samples, scores, pairs, version, the next."""

import hashlib
import json
from pathlib import Path

import pytest
from safetensors.torch import load_file
from sqlalchemy import select
from tpo_world import SHORT, TpoJobs, add_sums, by_seed, malformed, right, tpo_jobs, wrong
from training_world import fill_with_preferences

from db.content import prompts, samples
from db.models import Adapter, JobKind, JobStatus, Partition, Prompt, RunState
from db.registry import jobs
from ptrapp.core.errors import ConfigurationError, NothingToLearn, TrainingError
from ptrapp.core.types import Choice, Policy
from ptrapp.engines.base import Request
from ptrapp.judges.base import Verdict
from ptrapp.recipes.reading import read
from ptrapp.recipes.tpo import TpoConfig
from ptrapp.tasks.instructions import TRAINED
from ptrapp.tasks.kept import Asked
from training.tpo.prompts import choose, selection_prompts

__all__ = ["tpo_jobs"]


def test_an_iteration_makes_a_version_and_says_what_it_found(tpo_jobs: TpoJobs) -> None:
    job, made = tpo_jobs.done()

    found = job.result
    assert job.status is JobStatus.DONE
    assert made.name == f"tpo-{job.id:06d}"
    assert (found["n_prompts"], found["n_samples"], found["n_pairs"]) == (6, 24, 6)
    assert found["malformed_share"] == 0
    assert found["mean_score"] == pytest.approx(1 / 3)  # seeds 0 to 23, right at multiples of 3
    assert found["mean_rejected_length"] == len("The answer is 0.")
    assert found["next_job_id"] is None
    assert any("24 samples of 6 prompts" in note["text"] for note in job.notes)


def test_the_pairs_are_whole_completions_and_the_judge_read_responses(tpo_jobs: TpoJobs) -> None:
    job, _ = tpo_jobs.done()

    lines = (
        (tpo_jobs.settings.jobs_dir / str(job.id) / "snapshot.jsonl")
        .read_text(encoding="utf-8")
        .splitlines()
    )
    for pair in map(json.loads, lines):
        assert pair["chosen"]["raw"].startswith("<T> count one on from there<R> The answer is ")
        assert pair["rejected"]["raw"] == "<T> easy<R> The answer is 0."


def test_prompts_are_never_sampled_twice_and_those_held_out_never(tpo_jobs: TpoJobs) -> None:
    """40 sums, a fifth of them held out by hash: each is on one side, whoever chooses."""
    chosen: list[int] = []
    held = []
    for _ in range(2):
        claim = tpo_jobs.claim(n_prompts=20, n_selection=50)
        config = read(TpoConfig, claim.payload.settings, "settings")
        chosen += [run.prompt_id for run in choose(claim, config, None)]
        held.append({prompt.id for prompt in selection_prompts(claim)})
        assert "Only" in tpo_jobs.job(claim).notes[-1]["text"]

    assert len(chosen) == len(set(chosen)) > 20
    assert held[0] == held[1]
    assert held[0] | set(chosen) == set(range(1, 41))
    with pytest.raises(NothingToLearn, match="No fresh prompt is left in 'stored'"):
        tpo_jobs.done()


def test_the_jobs_system_message_is_sent_stored_and_learnt_and_a_prompt_keeps_its_own(
    tpo_jobs: TpoJobs,
) -> None:
    with tpo_jobs.database.write() as session:
        prompts.ensure_prompt(
            session, "Add 99 and 1.", source="test", reference_answer="100", system="Be exact."
        )
    job, _ = tpo_jobs.done(system="Be brief.", n_prompts=41, n_selection=50)

    sent = {request.messages[0].content for request in tpo_jobs.requests}
    assert sent == {"Be brief.", "Be exact."}
    folder = tpo_jobs.settings.jobs_dir / str(job.id)
    lines = (folder / "snapshot.jsonl").read_text(encoding="utf-8").splitlines()
    learnt = {pair["messages"][0]["content"] for pair in map(json.loads, lines)}
    assert "Be brief." in learnt
    assert learnt <= sent
    with tpo_jobs.database.read() as session:
        asked = {run.prompt.system for run in samples.runs_of_job(session, job.id)}
        assert asked <= {"Be brief.", "Be exact."}


def test_what_selects_checkpoints_is_held_out_whatever_the_system_message(
    tpo_jobs: TpoJobs,
) -> None:
    sides = []
    for system in (None, "Be brief."):
        claim = tpo_jobs.claim(n_prompts=40, n_selection=50, system=system)
        config = read(TpoConfig, claim.payload.settings, "settings")
        learnt = {run.prompt.text for run in choose(claim, config, None)}
        sides.append((learnt, {prompt.text for prompt in selection_prompts(claim)}))
    assert sides[0] == sides[1]
    assert not sides[0][0] & sides[0][1]


def test_the_jobs_system_message_is_stored_with_what_is_asked_alone(tpo_jobs: TpoJobs) -> None:
    claim = tpo_jobs.claim(n_prompts=5, n_selection=3, system="Be brief.")
    choose(claim, read(TpoConfig, claim.payload.settings, "settings"), None)
    with tpo_jobs.database.read() as session:
        rows = session.scalars(select(Prompt)).all()
    assert sum(row.system == "Be brief." for row in rows) == 8


def test_evaluation_prompts_and_held_out_families_are_no_source(tpo_jobs: TpoJobs) -> None:
    with tpo_jobs.database.write() as session:
        for row in samples.train_prompts(session):
            row.partition = Partition.EVAL
        for kept in ("purse", "instructions_held_out", "instructions_new_kinds"):
            prompts.ensure_prompt(session, f"Of {kept}.", source="test", task=kept)

    with pytest.raises(NothingToLearn):
        tpo_jobs.done()


def test_generated_prompts_are_problems_of_the_families_that_may_be_taught(
    tpo_jobs: TpoJobs,
) -> None:
    tpo_jobs.script = lambda request: (
        "<T> one two<R> ok yes" if request.sampling.seed % 2 else "<T> no<R> ok"
    )
    claim = tpo_jobs.claim(prompts="generated", n_selection=0)
    with pytest.raises(NothingToLearn, match="6 × all candidates are scored alike"):
        tpo_jobs.run(claim)

    with tpo_jobs.database.read() as session:
        runs = samples.runs_of_job(session, claim.job_id)
        assert len(runs) == 6
        assert all(run.prompt.source == "generator" for run in runs)
        assert not {run.prompt.task for run in runs} & {"purse", "shelves"}
        assert all(run.prompt.reference_answer for run in runs)


def test_instructions_are_judged_by_the_share_of_constraints_kept(tpo_jobs: TpoJobs) -> None:
    said = "on green hills seven grey cats sleep near our warm stove while night falls"

    def script(request: Request) -> str:
        topic = " ".join(reversed(request.messages[0].content.casefold().split()))
        return f"<T> hm<R> * {said} {topic}" + " no" * (30 * (request.sampling.seed % 2))

    tpo_jobs.script = script
    job, _ = tpo_jobs.done(prompts="instructions", n_prompts=30, n_selection=0, epochs=1)

    with tpo_jobs.database.read() as session:
        runs = samples.runs_of_job(session, job.id)
    assert {run.prompt.task for run in runs} == {"instructions"}
    kinds = {kind for run in runs for kind in kinds_of(run.prompt.reference_answer or "")}
    assert kinds == TRAINED
    assert 0 < job.result["n_pairs"] < 30


def kinds_of(reference: str) -> set[str]:
    return {each.kind for each in Asked.from_reference(reference).constraints}


@pytest.mark.parametrize("source", ["generated", "instructions"])
def test_generated_prompts_are_new_in_each_job_and_the_held_out_ones_the_same(
    tpo_jobs: TpoJobs, source: str
) -> None:
    chosen: list[int] = []
    held = []
    for _ in range(2):
        claim = tpo_jobs.claim(prompts=source, n_prompts=30, n_selection=10)
        config = read(TpoConfig, claim.payload.settings, "settings")
        chosen += [run.prompt_id for run in choose(claim, config, None)]
        held.append([prompt.text for prompt in selection_prompts(claim)])

    assert len(set(chosen)) == 60
    assert held[0] == held[1]
    assert len(held[0]) == 10
    with tpo_jobs.database.read() as session:
        made = [row for row in session.scalars(select(Prompt)) if row.source == "generator"]
        assert len(made) == 70, "what no list had room for is not stored"


def test_prompts_are_read_from_a_file(tpo_jobs: TpoJobs, tmp_path: Path) -> None:
    file = tmp_path / "sums.jsonl"
    rows = [{"question": f"Add {n} and 1.", "answer": str(n + 1)} for n in range(100, 120)]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")

    job, _ = tpo_jobs.done(prompts=str(file), n_selection=0, epochs=1)

    with tpo_jobs.database.read() as session:
        runs = samples.runs_of_job(session, job.id)
    assert {run.prompt.source for run in runs} == {"sums.jsonl"}


def test_prompts_are_read_as_a_data_set(tpo_jobs: TpoJobs, tmp_path: Path) -> None:
    file = tmp_path / "sums.csv"
    file.write_text(
        "question,answer\n" + "".join(f"Add {n} and 1.,{n + 1}\n" for n in range(90)),
        encoding="utf-8",
    )
    claim = tpo_jobs.claim(prompts=f"hf:{file}", n_selection=0)

    runs = choose(claim, read(TpoConfig, claim.payload.settings, "settings"), None)

    assert [run.prompt.reference_answer for run in runs] == [str(n + 1) for n in range(6)]


def test_the_next_iteration_begins_at_the_new_version_and_samples_it(tpo_jobs: TpoJobs) -> None:
    first, made = tpo_jobs.done(iterations=2)

    following = tpo_jobs.claim_next()
    assert following.job_id == first.result["next_job_id"]
    assert following.payload.parent_adapter_id == made.id
    assert following.payload.settings == SHORT | {"iterations": 1}
    n_before = len(tpo_jobs.requests)
    tpo_jobs.run(following)

    drawn = [r for r in tpo_jobs.requests[n_before:] if not r.sampling.greedy]
    assert {request.policy for request in drawn} == {Policy(made.name)}
    assert tpo_jobs.job(following).result["next_job_id"] is None
    with tpo_jobs.database.write() as session:
        assert jobs.claim(session, 600) is None
        versions = session.query(Adapter).order_by(Adapter.id).all()
        assert [version.parent_id for version in versions] == [None, made.id]


def test_a_direct_baseline_samples_without_a_thought(tpo_jobs: TpoJobs) -> None:
    tpo_jobs.script = lambda r: (
        f"<R> The answer is {2 if r.sampling.seed % 2 else right(r).split()[-1]}"
        + " indeed" * (r.sampling.seed % 2)
    )
    job, _ = tpo_jobs.done(thinking=False, n_selection=0, epochs=1)

    assert not any(request.thinking for request in tpo_jobs.requests)
    assert job.result["mean_thought_tokens"] == 0


def test_a_model_without_the_marker_is_refused_with_three_of_its_completions(
    tpo_jobs: TpoJobs,
) -> None:
    tpo_jobs.script = malformed

    with pytest.raises(NothingToLearn) as failed:
        tpo_jobs.done()

    assert "All 24 completions (100 %) are malformed: without the marker '<R>'" in str(failed.value)
    assert str(failed.value).count("I go on and on") == 3


def test_malformed_completions_are_rejected_in_a_capped_share(tpo_jobs: TpoJobs) -> None:
    """Of 12 prompts the even have a right, a wrong and two malformed candidates, which are worst;
    the odd have no malformed one. Six sound pairs allow 6 · 0.3 / 0.7 = 2 malformed beside them.
    """

    def script(request: Request) -> str:
        prompt, candidate = divmod(request.sampling.seed, 4)
        if candidate == 0:
            return right(request)
        return wrong(request) if candidate == 1 or prompt % 2 else malformed(request)

    tpo_jobs.script = script
    job, _ = tpo_jobs.done(n_prompts=12, n_selection=0, epochs=1, most_malformed=0.3)

    found = job.result
    assert found["malformed_share"] == 0.25
    assert found["n_pairs"] == 12
    assert found["n_malformed_rejected"] == 2


def test_samples_that_are_all_alike_are_said_in_words(tpo_jobs: TpoJobs) -> None:
    tpo_jobs.script = wrong

    with pytest.raises(NothingToLearn, match=r"None of the 6 prompts gave a pair: 6 × all cand"):
        tpo_jobs.done()


def test_a_judge_that_cannot_say_fails_the_job_and_is_asked_again(tpo_jobs: TpoJobs) -> None:
    with tpo_jobs.database.write() as session:
        for row in session.query(Prompt).all():
            row.reference_answer = None
    claim = tpo_jobs.claim()

    with pytest.raises(TrainingError, match="left 16 of 24 candidates unscored, more than half"):
        tpo_jobs.run(claim)

    with tpo_jobs.database.write() as session:
        for row in session.query(Prompt).all():
            row.reference_answer = str(int(row.text.split()[1]) + 1)
    n_before = len(tpo_jobs.requests)
    tpo_jobs.run(claim)
    assert all(request.sampling.greedy for request in tpo_jobs.requests[n_before:])
    assert tpo_jobs.job(claim).result["n_unscored"] == 0


def test_a_prompt_that_does_not_fit_is_left_out(tpo_jobs: TpoJobs) -> None:
    with tpo_jobs.database.write() as session:
        for row in session.query(Prompt).limit(39).all():
            row.partition = Partition.EVAL
        prompts.ensure_prompt(session, "Add 7 and 1. " + "x " * 2000, source="test")

    claim = tpo_jobs.claim(n_selection=0)
    tpo_jobs.run(claim)

    with tpo_jobs.database.read() as session:
        states = [run.state for run in samples.runs_of_job(session, claim.job_id)]
    assert sorted(states) == [RunState.DONE, RunState.FAILED]


def test_settings_that_dpo_refuses_are_refused_here(tpo_jobs: TpoJobs) -> None:
    with pytest.raises(ConfigurationError, match=r"label_smoothing is 0\.1, which ipo"):
        tpo_jobs.done(form="ipo", label_smoothing=0.1)


@pytest.mark.parametrize("wrongly", [{"n_selection": 2}, {"n_selection": 0, "iterations": 2}])
def test_a_whole_model_cannot_be_selected_or_iterated(
    tpo_jobs: TpoJobs, wrongly: dict[str, int]
) -> None:
    with pytest.raises(ConfigurationError, match="tune full makes a model of its own"):
        tpo_jobs.done(tune="full", **wrongly)


def test_the_version_is_the_checkpoint_that_the_judge_likes_best(tpo_jobs: TpoJobs) -> None:
    """Six pairs in steps of two, two epochs: six steps, checkpoints at 2, 4 and 6."""
    job, made = tpo_jobs.done()

    assert job.result["selection"] == {"parent": 0.0, "2": 0.0, "4": 1.0, "6": 0.0}
    assert job.result["selected_step"] == 4
    folder = tpo_jobs.settings.jobs_dir / str(job.id)
    last = (folder / "checkpoints" / "checkpoint-6" / "trained.safetensors").read_bytes()
    assert (folder / "kept" / "6.safetensors").read_bytes() == last
    assert _tensors(made) == _tensors_of(folder / "kept" / "4.safetensors")
    assert _tensors(made) != _tensors_of(folder / "kept" / "6.safetensors")


def test_a_judge_that_compares_holds_each_checkpoint_against_the_parent(
    tpo_jobs: TpoJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Shorter:
        name = "shorter"

        def compare(self, question: str, reference: str | None, left: str, right: str) -> Verdict:
            better = Choice.LEFT if len(left) < len(right) else Choice.RIGHT
            return Verdict(better, "")

    def script(request: Request) -> str:
        if not request.sampling.greedy:
            return by_seed(request) + " surely" * (request.sampling.seed % 4)
        longer = {None: 3, "step-2": 5, "step-4": 3, "step-6": 1}
        version = request.policy.adapter
        return right(request) + " surely" * longer[version and version[-6:]]

    tpo_jobs.script = script
    for name in ("training.recipes.tpo", "training.tpo.selection"):
        monkeypatch.setattr(f"{name}.open_judge", lambda settings: Shorter())

    job, _ = tpo_jobs.done()

    assert job.result["selection"] == {"parent": 0.5, "2": 0.0, "4": 0.5, "6": 1.0}
    assert job.result["selected_step"] == 6
    assert job.result["mean_score"] is None


def test_a_training_that_helps_nothing_is_said(tpo_jobs: TpoJobs) -> None:
    tpo_jobs.script = lambda r: (
        right(r) if not r.sampling.greedy and r.sampling.seed % 3 == 0 else wrong(r)
    )
    job, _ = tpo_jobs.done()

    assert job.result["selected_step"] == 2
    warned = [note["text"] for note in job.notes if note["level"] == "warning"]
    assert any("No checkpoint is better than its parent" in text for text in warned)


def test_waiting_votes_of_people_are_learnt_once(tpo_jobs: TpoJobs) -> None:
    with tpo_jobs.database.write() as session:
        fill_with_preferences(session, 3, lambda text: list(range(len(text.split()))))

    first, made = tpo_jobs.done(with_human_pairs=True, n_selection=0, n_prompts=2, epochs=1)
    second, _ = tpo_jobs.done(made, with_human_pairs=True, n_selection=0, n_prompts=2, epochs=1)

    assert (first.result["n_human_pairs"], second.result["n_human_pairs"]) == (3, 0)


def _tensors(made: Adapter) -> dict[str, str]:
    return _tensors_of(Path(made.path) / "adapter_model.safetensors")


def _tensors_of(file: Path) -> dict[str, str]:
    """Digests of the LoRA by layer, however the model around it is named."""
    return {
        name.split("model.layers.")[-1].replace(".default", ""): hashlib.sha256(
            tensor.numpy().tobytes()
        ).hexdigest()
        for name, tensor in load_file(file).items()
        if "lora" in name
    }


def test_the_kinds_of_jobs_are_kept_apart(tpo_jobs: TpoJobs) -> None:
    """What another kind of job sampled is still fresh."""
    with tpo_jobs.database.write() as session:
        add_sums(session, 1, first=900)
    tpo_jobs.done()
    with tpo_jobs.database.read() as session:
        assert len(samples.sampled_by(session, JobKind.TPO)) == 6
        assert samples.sampled_by(session, JobKind.PTR_DATA) == set()
