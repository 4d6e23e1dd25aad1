"""Measures versions round by round beside the base model; finished parts are not repeated."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from db.models import Adapter
from db.registry import adapters, evaluations
from db.registry.servable import why_not_served
from ptrapp.core.counts import counted
from ptrapp.core.dialogue import REFINE_INSTRUCTION, HistoryMode
from ptrapp.core.errors import ConfigurationError
from ptrapp.core.thoughts import Thinking
from ptrapp.engines.base import Engine
from ptrapp.engines.opening import open_engine
from ptrapp.evaluation.answers import CellResult
from ptrapp.evaluation.plan import BASE_NAME, Plan
from ptrapp.evaluation.report import Callbacks, EarlierResults
from ptrapp.evaluation.run import evaluate
from ptrapp.evaluation.tasks import Listed, open_task
from ptrapp.judges.base import Judge
from ptrapp.judges.opening import close_judge, open_judge
from ptrapp.tasks.datasets import Columns
from ptrapp.tasks.fitting import AUTO
from training.generation.fitting import fitting_source
from training.generation.serving import load
from training.jobs.cancelling import CancellableEngine
from training.jobs.claim import Claim
from training.jobs.evaluation_store import EvaluationStore
from training.jobs.measured_before import MeasuredWith
from training.jobs.payload import STRICT, Words, read
from training.jobs.ranks import Ranks
from training.policy.lineage import find_parent


@dataclass(frozen=True, slots=True, config=STRICT)
class EvaluateConfig:
    """The settings of an evaluation."""

    versions: tuple[str, ...] | None = None
    """Names of the versions; null is the base model and the version the job was queued for. The
    base model is always among them. A control that was trained otherwise is one more name."""
    tasks: Annotated[tuple[str, ...], Field(min_length=1)] = (AUTO,)
    """Problems: auto (generated for the bundled model and those grown from it, instructions for
    others), generated (families used in training), held_out (families never used),
    instructions, instructions_held_out (unseen topics), instructions_new_kinds (unseen kinds of
    constraint), ifeval:FILE (IFEval's own file), a JSONL, JSON or CSV file, or a data set as
    hf:NAME:CONFIG:SPLIT."""
    question_column: str = "question"
    """Column of the question in files and data sets."""
    answer_column: str = "answer"
    """Column of the answer, or of the solution that ends with it."""
    choices_column: str = "choices"
    """Column of the choices, if there are any."""
    n: Annotated[int, Field(ge=2, le=100_000)] = 200
    """Problems of each task, for each seed; 200 tell differences of 10 points from chance."""
    rounds: Annotated[int, Field(ge=1, le=10)] = 3
    """Rounds of each chain; the gain saturates at the second or third."""
    thinking: Thinking | None = None
    """Rounds with a thought: always, later (from round 2), or never. null is later, and never for a
    model that does not follow its thought format."""
    history_mode: HistoryMode = HistoryMode.FULL
    """Which earlier rounds a later one is shown: full, or the last one alone."""
    refine_instruction: Words = REFINE_INSTRUCTION
    """The user turn between two rounds, the same each time."""
    system: Words | None = None
    """The system message before each problem; null is none."""
    n_samples: Annotated[int, Field(ge=0, le=1000)] = 0
    """Answers sampled to each problem; 0 is one greedy answer."""
    temperature: Annotated[float, Field(gt=0, le=10)] = 0.8
    """Temperature of the samples, those of the majority vote included."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Samples come from the likeliest tokens of this total probability."""
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 256
    """Most tokens of a response; one that is cut is mostly wrong."""
    max_thought_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 256
    """Most tokens of the thought before it."""
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    """Each seed has its own problems and answers; several give a standard deviation."""
    controls: bool = True
    """Also measure tuned versions with another problem's attempts, without earlier thoughts, and by
    the majority of independent answers. A gain means little without; it is three times the work."""
    resamples: Annotated[int, Field(ge=0, le=4)] = 3
    """How often a malformed sample is repeated; greedy answers never are."""
    chunk: Annotated[int, Field(ge=1, le=10_000)] = 64
    """Answers asked for at once; a server on a GPU takes several hundred."""
    judge: str | None = None
    """Judge that compares the versions' responses, named as in --judge; null compares none."""
    most_minutes: Annotated[float, Field(gt=0, le=100_000)] | None = None
    """Minutes for the answers: problems beyond them are left out, the same for all versions; at
    least one chunk is answered. null takes all."""
    known_answers: bool = False
    """Take what an earlier evaluation has to the same problems, asked in the same way."""


def run(claim: Claim, ranks: Ranks) -> None:
    """Measures what the settings ask for and ends the job with one table.

    The result holds `table`, `given`, `differences`, `win_rates`, `decoding` and `seconds`, as
    `ptrapp.evaluation.report.Report` documents them. One process does it all: an engine batches by
    itself. Raises `ConfigurationError` for a version that cannot be measured here.
    """
    config = read(EvaluateConfig, claim.payload.settings, "settings")
    if not ranks.leads:
        return
    versions = _versions(claim, config)
    tasks = tuple(fitting_source(claim.settings, name) for name in config.tasks)
    plan = _plan(replace(config, tasks=tasks), tuple(versions))
    judge = _judge(claim, config)
    _warn_of_training(claim, plan)
    for task in plan.tasks:
        if isinstance(task, Listed) and task.left_out:
            claim.note(task.left_out, "warning")

    claim.enter("loading the model")
    with closing(CancellableEngine(open_engine(claim.settings), claim.stop)) as engine:
        if config.thinking is None:
            usual = engine.thought_format.usual_thinking(plan.thinking)
            plan = replace(plan, thinking=usual)
        _publish(claim, engine, versions)
        store = EvaluationStore(claim, plan, versions)
        known = _known(claim, engine, plan, versions, wanted=config.known_answers)
        kept = EarlierResults([*store.cells(), *known], store.matches())
        watch = Callbacks(store.report, store.save_part, store.record_rounds, store.save_match)
        report = evaluate(engine, plan, judge=judge, callbacks=watch, earlier=kept)
    store.record_win_rates(report.win_rates)
    if report.n_left_out:
        claim.note(
            f"{counted(report.n_left_out, 'problem is', 'problems are')} left out: the "
            f"{config.most_minutes:g} minutes were over.",
            "warning",
        )
    if judge is not None:
        close_judge(judge)
    claim.finish(report.as_json())


def _versions(claim: Claim, config: EvaluateConfig) -> dict[str, Adapter | None]:
    """Returns the rows of the versions by name, the base model first, which has none."""
    parent = find_parent(claim)
    names = config.versions
    if names is None:
        names = (parent.name,) if parent else ()
    with claim.database.read() as session:
        found = {name: adapters.by_name(session, name) for name in names if name != BASE_NAME}
        known = [row.name for row in adapters.listing(session)]
    if missing := sorted(name for name, row in found.items() if row is None):
        raise ConfigurationError(
            f"There is no version {', '.join(missing)}. Choose among "
            f"{', '.join([BASE_NAME, *known])}."
        )
    return {BASE_NAME: None, **found}


def _plan(config: EvaluateConfig, versions: tuple[str, ...]) -> Plan:
    columns = Columns(config.question_column, config.answer_column, config.choices_column)
    return Plan(
        versions=versions,
        rounds=config.rounds,
        tasks=tuple(open_task(name, columns) for name in config.tasks),
        n=config.n,
        thinking=config.thinking or Thinking.LATER,
        history=config.history_mode,
        refine_instruction=config.refine_instruction,
        system=config.system,
        n_samples=config.n_samples,
        temperature=config.temperature,
        top_p=config.top_p,
        max_tokens=config.max_tokens,
        max_thought_tokens=config.max_thought_tokens,
        seeds=config.seeds,
        controls=config.controls,
        resamples=config.resamples,
        chunk=config.chunk,
        limit_s=config.most_minutes and 60 * config.most_minutes,
    )


def _known(
    claim: Claim,
    engine: Engine,
    plan: Plan,
    versions: Mapping[str, Adapter | None],
    *,
    wanted: bool,
) -> list[CellResult]:
    """Returns what earlier jobs measured in the same way, if that is wanted, and says which."""
    measured_with = MeasuredWith.of(claim.settings, engine, plan, versions)
    measured_with.remember(claim.folder)
    if not wanted:
        return []
    found = measured_with.found_before(claim.settings.jobs_dir, claim.job_id)
    if found.job_of:
        of = ", ".join(f"{name} in job {job_id}" for name, job_id in found.job_of.items())
        claim.note(f"Answers that were measured in the same way before are taken: {of}.")
    return found.cells


def _judge(claim: Claim, config: EvaluateConfig) -> Judge | None:
    if config.judge is None:
        return None
    if config.judge == "llm" and not claim.settings.judge_base_url:
        raise ConfigurationError(
            "judge llm needs its server's address: start with --judge-base-url http://HOST:PORT/v1."
        )
    return open_judge(claim.settings.model_copy(update={"judge": config.judge}))


def _warn_of_training(claim: Claim, plan: Plan) -> None:
    """Notes where problems are among the prompts that versions may have learnt from."""
    for task in plan.tasks:
        asked = {one.prompt for seed in plan.seeds for one in task.draw(plan.n, seed)}
        with claim.database.read() as session:
            n_known = evaluations.n_training_prompts(session, asked)
        if n_known:
            claim.note(
                f"{n_known} of the {len(asked)} problems of {task.name} are stored as prompts that "
                "training may use: a version that learnt from them looks better than it is.",
                "warning",
            )


def _publish(claim: Claim, engine: Engine, versions: Mapping[str, Adapter | None]) -> None:
    """Loads every version on the engine. Raises `ConfigurationError`, `AdapterRejected`."""
    every, data_dir = versions.values(), claim.settings.data_dir
    found = [why_not_served(version, engine.model_id, data_dir) for version in every]
    if mistakes := [mistake for mistake in found if mistake]:
        raise ConfigurationError("\n".join(mistakes))
    for version in every:
        load(claim, engine, version)
