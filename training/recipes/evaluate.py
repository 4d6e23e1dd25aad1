"""Measures versions round by round beside the base model; finished parts are not repeated."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace

from db.models import Adapter
from db.registry import adapters, evaluations
from db.registry.servable import why_not_served
from ptrapp.core.counts import counted
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
from ptrapp.recipes.evaluation import EvaluateConfig
from ptrapp.recipes.reading import read
from ptrapp.tasks.datasets import Columns
from training.generation.fitting import fitting_source
from training.generation.serving import load
from training.jobs.cancelling import CancellableEngine
from training.jobs.claim import Claim
from training.jobs.evaluation_store import EvaluationStore
from training.jobs.measured_before import MeasuredWith
from training.jobs.ranks import Ranks
from training.policy.lineage import find_parent


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
