"""The gate: a finished version is measured on held-out problems before it serves by itself.

A job evaluates it beside the version that answers. Worse by the whole interval, or learnt from too
few examples, it waits; a person may serve it all the same, with a reason that is kept.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from db.models import Adapter, GateState, Job, JobKind, JobStatus
from db.registry import adapters, gates
from db.storage.errors import AlreadyQueued
from ptrapp.core.counts import counted
from ptrapp.core.errors import ConfigurationError, InputError
from ptrapp.core.settings import Settings
from ptrapp.judges import names as judges
from ptrapp.services import jobs, sources
from ptrapp.services.context import DataContext

GATE = "the gate"
"""Who starts its jobs, as their pages say."""


@dataclass(frozen=True, slots=True)
class Decision:
    state: GateState
    verdict: str
    """Why, in words."""
    result: dict[str, Any]


def check(settings: Settings) -> None:
    """Raises `ConfigurationError` for a judge or problems that no measurement could have, which
    else each of them would fail for."""
    if settings.gate_judge == judges.LLM and not settings.judge_base_url:
        raise ConfigurationError(
            "--gate-judge: the judge llm is asked at its server; name that with --judge-base-url"
        )
    named = {
        "--gate-task": ("tasks", settings.gate_task),
        "--gate-judge": ("judge", settings.gate_judge),
    }
    for flag, (name, value) in named.items():
        try:
            sources.from_here(settings, {name: value})
        except (InputError, ConfigurationError) as error:
            raise ConfigurationError(f"{flag}: {error}") from error


def may_serve(context: DataContext, adapter_id: int) -> bool:
    """Returns whether a ready version may serve by itself now; has it measured where it must be.

    A version that served before needs no gate: it waits for its engine only.
    """
    settings = context.settings
    with context.database.read() as session:
        version, gate = session.get_one(Adapter, adapter_id), gates.of(session, adapter_id)
        if version.activated_at is not None:
            return True
        if gate is not None and gate.state is GateState.WAITS:
            return False
        n_examples = version.n_learnt
        active = adapters.active(session)
        timely = gate is not None and gate.against_id == (active.id if active else None)
        passed = gate is not None and gate.state is GateState.PASSED
        if passed and (timely or not settings.gate_problems):
            return True
        measuring = session.get(Job, gate.job_id) if gate and gate.job_id else None
    job = measuring if timely else None
    if not settings.gate_problems:
        return _decide(context, adapter_id, decide(settings, n_examples, {}))
    if job is None:
        now_by = _measure(context, adapter_id)
        if measuring is not None and now_by not in (None, measuring.id):
            _stop(context, measuring)
        return False
    if job.status in (JobStatus.QUEUED, JobStatus.RUNNING):
        return False
    return _decide(context, adapter_id, _of_job(settings, job, version.name, n_examples))


def measure_again(context: DataContext, name: str) -> None:
    """Has a version measured anew. Raises `InputError` for the base model or an unknown version."""
    with context.database.write() as session:
        version = adapters.by_name(session, name)
        if version is None:
            raise InputError(f"There is no trained version {name} to be measured.")
        gates.forget(session, version.id)
    _measure(context, version.id, anew=True)


def needs_reason(context: DataContext, adapter_id: int) -> str:
    """Returns why a person who serves this version has to give a reason; "" where none needs."""
    with context.database.read() as session:
        version, gate = session.get_one(Adapter, adapter_id), gates.of(session, adapter_id)
    is_gated = gate is not None or context.settings.gate_problems > 0
    if not is_gated or version.activated_at is not None:
        return ""
    if gate is None or gate.state is GateState.MEASURING:
        return "it is not measured yet"
    return "" if gate.state is GateState.PASSED else gate.verdict


def decide(settings: Settings, n_examples: int | None, row: Mapping[str, Any]) -> Decision:
    """Returns the decision on a version by the difference an evaluation found.

    `n_examples` is what it learnt from, None where that is not known; `row` is empty or has
    `difference`, `low` and `high` as shares; 0 is no difference. Too few examples are named first:
    they keep a version from serving whatever was measured, and more votes are what helps.
    """
    found = dict(row)
    compared = _compared(found, settings.gate_margin) if found else ""
    few = too_few(settings, n_examples)
    if few:
        verdict = f"{few}. Measured: {compared}" if compared else few
        return Decision(GateState.WAITS, verdict, found)
    if found and found["high"] < -settings.gate_margin:
        return Decision(GateState.WAITS, compared, found)
    return Decision(GateState.PASSED, compared or "not measured", found)


def too_few(settings: Settings, n_examples: int | None) -> str:
    """Returns why a version waits for a person whatever is measured; "" where it learnt enough."""
    if n_examples is None or n_examples >= settings.gate_min_examples:
        return ""
    return (
        f"learnt from {counted(n_examples, 'example')}; from fewer than "
        f"{settings.gate_min_examples} no version serves by itself"
    )


def difference_row(settings: Settings, job: Job, version: str) -> dict[str, Any]:
    """Returns what an evaluation found of a version at its last round; {} where it found nothing.

    With a judge the difference is that of the win rate from one half.
    """
    against = job.payload["settings"]["versions"][0]
    against = against if against != version else "base"
    name = "win_rates" if settings.gate_judge else "differences"
    rows = [
        row
        for row in job.result.get(name, [])
        if row["version"] == version and row["against"] == against
    ]
    if settings.gate_judge:
        rows = [row for row in rows if row["win_rate"] is not None]
        rows = [row for row in rows if row["round"] == row["against_round"]]
    if not rows:
        return {}
    last = max(rows, key=lambda row: int(row["round"]))
    if settings.gate_judge:
        half = {end: last[end] - 0.5 for end in ("low", "high")}
        return last | half | {"difference": last["win_rate"] - 0.5}
    return dict(last)


def _measure(context: DataContext, adapter_id: int, *, anew: bool = False) -> int | None:
    """Queues the evaluation of a version beside the one that answers; returns the job's id, None
    while its place in the queue is taken.

    Unless all is measured `anew`, what an earlier gate measured in the same way is taken.
    """
    settings = context.settings
    with context.database.read() as session:
        version, active = session.get_one(Adapter, adapter_id), adapters.active(session)
        name = version.name
    names = [active.name] if active and active.name != name else []
    recipe: dict[str, Any] = {
        "versions": [*names, name],
        "tasks": [settings.gate_task],
        "controls": False,
        "known_answers": not anew,
        "judge": settings.gate_judge or "verifier",  # the page compares versions by it
    }
    if settings.gate_problems:
        recipe["n"] = settings.gate_problems
    if settings.gate_minutes:
        recipe["most_minutes"] = settings.gate_minutes
    try:
        job_id = jobs.start(
            context, JobKind.EVALUATE, recipe, parent=name, by_operator=True, by=GATE
        )
    except AlreadyQueued as error:
        if error.job_id is None:
            return None  # its place in the queue is looked for again
        job_id = error.job_id
    with context.database.write() as session:
        against_id = active.id if active and names else None
        gates.measure(session, adapter_id, against_id, job_id)
    return job_id


def _stop(context: DataContext, job: Job) -> None:
    """Cancels a measurement of the gate's beside a version that answers no more; it takes minutes
    that the next one waits for."""
    if job.payload.get("started_by") == GATE:
        with suppress(InputError):  # it has ended
            jobs.cancel(context, job.id)


def _of_job(settings: Settings, job: Job, version: str, n_examples: int | None) -> Decision:
    """Returns the decision by a measurement that has ended."""
    if job.status is not JobStatus.DONE:
        why = f": {job.error}" if job.error else ""
        verdict = f"it could not be measured, job {job.id} is {job.status.value}{why}"
        return Decision(GateState.WAITS, verdict, {})
    row = difference_row(settings, job, version)
    if not row:
        return Decision(GateState.WAITS, f"job {job.id} found nothing about it", {})
    return decide(settings, n_examples, row)


def _decide(context: DataContext, adapter_id: int, decision: Decision) -> bool:
    with context.database.write() as session:
        gates.decide(session, adapter_id, decision.state, decision.verdict, decision.result)
    return decision.state is GateState.PASSED


def _compared(row: Mapping[str, Any], margin: float) -> str:
    if row["high"] < -margin:
        return f"worse than {_in_words(row)}"
    if row["low"] > 0:
        return f"better than {_in_words(row)}"
    if row["high"] < 0:
        return f"a little worse than {_in_words(row)}"
    return f"no clear difference from {_in_words(row)}"


def _in_words(row: Mapping[str, Any]) -> str:
    """Returns who it was compared with and the difference: "base by 3.1 points (95 % …)"."""
    figures = (f"{100 * row[name]:+.1f}" for name in ("difference", "low", "high"))
    points, low, high = (one.replace("-", "−") for one in figures)  # a name's hyphen is no minus
    text = f"{row['against']}: {points} points, 95 % {low} to {high}, n = {row['n']}"
    if "fixed" in row:
        text += f"; round {row['round']}: {row['broken']} broken, {row['fixed']} fixed"
    return text
