"""Draws what the Train page says in words: what a method needs, how far a job is, the list."""

from collections.abc import Sequence
from html import escape

from db.models import JobKind, JobStatus
from ptrapp.services.jobs import Note
from ptrapp.services.training.cards import Card, Needs
from ptrapp.services.training.form import Method
from ptrapp.services.training.job import JobPage
from ptrapp.services.training.outcome import JobOutcome
from ptrapp.services.training.progress import StageView
from ptrapp.services.training.samples import CheckpointSamples
from ptrapp.services.training.settings_words import in_words, with_labels
from ptrapp.services.training.stages import Stage
from ptrapp.services.training.table import JobTable

_STATES = {
    "answers": "ok", "passed": "ok", "waits": "warn", "rejected": "bad",
    "served all the same": "warn", "done": "ok", "failed": "bad", "running": "acc",
    "being measured": "acc",
}  # fmt: skip
_STAGES = {
    Stage.LOAD: "Load", Stage.SAMPLE: "Sample", Stage.JUDGE: "Judge", Stage.LEARN: "Learn",
    Stage.SELECT: "Select", Stage.CHECK: "Publish",
}  # fmt: skip
_LEVELS = {"info": "Note", "warning": "Warning"}
_NARROWEST = 5
"""Least width of a stage, in percent of the line."""
HEADERS = ("Job", "Method", "State", "What came of it", "Started by", "Queued", "Took")


def duration(seconds: float) -> str:
    """Returns seconds in words.

    >>> [duration(s) for s in (0.4, 8, 80, 600, 7500)]
    ['0.4 s', '8 s', '1 min 20 s', '10 min', '2 h 5 min']
    """
    if seconds < 1:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def took(seconds: float, paused: bool) -> str:
    """Returns how long a job took; the time for which the app was off is not known apart."""
    return f"{duration(seconds)}{', with a pause' if paused else ''}"


def chip(word: str) -> str:
    return f"<span class='chip {_STATES.get(word, '')}'>{escape(word)}</span>" if word else ""


def facts(card: Card, seconds: float | None, n_earlier: int) -> str:
    """Returns what a method needs and has, how long it takes, what came of it last."""
    rows = [
        ("Needs", _needs(card.needs)),
        ("Takes", _takes(card, seconds, n_earlier)),
        ("Last", _last(card)),
    ]
    listed = "".join(f"<dt>{name}</dt><dd>{said}</dd>" for name, said in rows)
    return f"<p>{escape(card.method.about)}</p><dl class='facts'>{listed}</dl>"


def way(card: Card) -> str:
    """Returns what is missing and the way to it, which stands beside the button."""
    needs = card.needs
    said = f"<span>{escape(needs.missing)}</span>" if needs.missing else ""
    if not said and card.waits_for is not None:
        said = f"<span>Waits for job {card.waits_for}</span>"
    link = ""
    if needs.way is not None:
        kind = "btn primary" if needs.missing else "btn"
        link = f"<a class='{kind}' href='{escape(needs.way.href)}'>{escape(needs.way.label)}</a>"
    return f"<p class='train-way'>{link}{said}</p>"


def head(page: JobPage) -> str:
    """Returns a job's first lines: what it is, how far, and its stages as a line."""
    job, progress = page.job, page.progress
    state = "stopping" if job.stopping and job.status == "running" else job.status
    share = f" {progress.share:.0%}" if job.status == "running" and progress.share else ""
    about = [f"from {job.parent}", page.started_by, _times(page)]
    return (
        f"<div class='job-head'><h2>Job {job.id} · {escape(page.method.label)}</h2>"
        f"<span class='chip {_STATES.get(job.status, '')}'>{state}{share}</span>"
        f"<strong>{escape(left(page))}</strong>"
        f"<span class='quiet'>{escape(' · '.join(filter(None, about)))}</span></div>"
        f"<ol class='phases' aria-label='Stages'>{_stages(page)}</ol>"
    )


def left(page: JobPage) -> str:
    """Returns how long a job still takes, and by what that is known; empty once it has ended."""
    job, progress = page.job, page.progress
    if job.status not in ("running", "queued"):
        return ""
    if progress.lost:
        return "its process has ended or is cut off; the next worker goes on with it"
    queued = "" if job.status == "running" else f"number {job.place} in the queue, "
    if progress.stage_left_s is not None:
        stage = f"about {duration(progress.stage_left_s)} left of this stage"
        return f"{stage}; later ones are known once a job of this kind has been measured"
    if progress.left_s is None:
        unknown = "time left is known once a job of this kind has been measured"
        return f"{queued}{unknown if not progress.n_earlier else 'time left is not known'}"
    takes = "takes about" if queued else "about"
    ending = "" if queued else " left"
    return f"{queued}{takes} {duration(progress.left_s)}{ending}"


def came_of_it(page: JobPage) -> str:
    """Returns what a job made or found, or why it ended, with its settings and its notes."""
    job = page.job
    parts = []
    if job.status == "failed" and job.error:
        parts.append(f"<p class='job-error'>{escape(job.error)}</p>")
    elif page.made is None and (said := outcome(page.outcome)):
        parts.append(f"<p>{said}{_next(page)}</p>")
    if page.gate_s is not None and job.status in ("running", "queued") and _makes_version(page):
        parts.append(
            f"<p class='quiet'>Then the gate measures it: about {duration(page.gate_s)}.</p>"
        )
    chosen = " · ".join(in_words(page.method, job.settings))
    parts.append(f"<p class='quiet'>Settings: {escape(chosen or 'the defaults')}</p>")
    return "".join(parts)


def _next(page: JobPage) -> str:
    """Returns the way on from a job that made data."""
    if page.job.kind != JobKind.PTR_DATA or page.job.status != JobStatus.DONE:
        return ""
    return " <a href='train?method=mask_sft'>Teach it by mask-SFT</a>"


def notes(listed: Sequence[Note], method: Method) -> str:
    said = "".join(
        f"<li class='{escape(one.level)}'><strong>{_LEVELS[one.level]}:</strong> "
        f"{escape(with_labels(method, one.text))}</li>"
        for one in listed
    )
    return f"<ul class='job-notes'>{said}</ul>" if said else "<p class='quiet'>No note.</p>"


def outcome(found: JobOutcome) -> str:
    """Returns what came of a job, a version as a link to where it is compared."""
    version = (
        f"<a href='versions'>{escape(found.version)}</a> {chip(found.state)} "
        if found.version
        else ""
    )
    return f"{version}{escape(found.text)}"


def cells(table: JobTable) -> list[list[str]]:
    """Returns the list's rows as HTML cells."""
    return [
        [
            f"<a href='train?job={row.id}' aria-label='Job {row.id}'>{row.id}</a>",
            escape(row.method),
            chip(row.status),
            f"<span class='job-said'>{outcome(row.outcome)}</span>",
            escape(row.started_by),
            row.created_at.strftime("%d %b %Y, %H:%M"),
            took(row.took_s, row.paused) if row.took_s is not None else "",
        ]
        for row in table.rows
    ]


def samples(found: CheckpointSamples | None, kind: str) -> str:
    """Returns what the samples of a job's checkpoints are of; nothing where none are drawn."""
    if found is None and kind != "tpo":
        return ""
    said = "Checkpoints answer held-out prompts when one of them is selected."
    if found is not None:
        said = (
            f"The first {len(found.prompts)} of {found.n_prompts} held-out prompts, answered by "
            "the parent and by each checkpoint, from which the best one is selected."
        )
    return f"<h3>Samples at checkpoints</h3><p class='quiet'>{said}</p>"


def _needs(needs: Needs) -> str:
    meter = ""
    if needs.share is not None:
        percent = round(100 * needs.share)
        meter = f"<span class='meter' style='--p: {percent}%' aria-hidden='true'></span>"
    enough = not needs.missing and (needs.share is None or needs.share >= 1)
    tick = "<span class='ok' aria-hidden='true'>✓</span> " if enough else ""
    return f"{tick}{escape(needs.needs)}; has <b>{escape(needs.has)}</b>{meter}"


def _takes(card: Card, seconds: float | None, n_earlier: int) -> str:
    after = f", after job {card.waits_for}" if card.waits_for is not None else ""
    if seconds is None:
        return "not known: none on this model has run to its end without a break yet"
    jobs = "the last job" if n_earlier == 1 else f"the last {n_earlier} jobs"
    return f"about {duration(seconds)}{after} <span class='quiet'>by {jobs}</span>"


def _last(card: Card) -> str:
    if card.last is None:
        return "none yet"
    when = card.last.at.strftime("%d %b, %H:%M")
    said = outcome(card.last.outcome)
    return f"<a href='train?job={card.last.id}'>job {card.last.id}</a>, {when}: {said or 'done'}"


def _times(page: JobPage) -> str:
    begun = page.started_at.strftime("begun %d %b %Y, %H:%M UTC") if page.started_at else ""
    if page.finished_at and page.started_at:
        seconds = (page.finished_at - page.started_at).total_seconds()
        return f"{begun}, took {took(seconds, page.progress.paused)}"
    spent, again = page.progress.spent_s, page.progress.paused
    if not begun or not spent:
        return begun
    return f"{begun}, {duration(spent)} {'since it was taken up again' if again else 'so far'}"


def _stages(page: JobPage) -> str:
    stages = page.progress.stages
    weights = [max(one.expected_s or 0, one.spent_s) for one in stages]
    # of what was never measured nobody knows that it is short
    unknown = max(weights) if page.job.status == "running" else 0
    weights = [
        max(weight, unknown) if one.expected_s is None and one.state in ("now", "waits") else weight
        for one, weight in zip(stages, weights, strict=True)
    ]
    total = sum(weights)
    drawn = []
    for one, weight in zip(stages, weights, strict=True):
        width = max(100 * weight / total, _NARROWEST) if total else 100 / len(stages)
        current = " aria-current='step'" if one.state == "now" else ""
        drawn.append(
            f"<li class='{one.state}' style='flex: {width:.1f} 1 0'{current}>"
            f"<span class='meter' style='--p: {100 * one.share:.0f}%'></span>"
            f"<b>{_word(page, one)}</b><small>{_stage_time(page, one)}</small></li>"
        )
    return "".join(drawn)


def _word(page: JobPage, one: StageView) -> str:
    answers = page.job.kind == "evaluate" and one.stage is Stage.SAMPLE
    return "Answer" if answers else _STAGES[one.stage]


def _stage_time(page: JobPage, one: StageView) -> str:
    if one.state == "done":
        return duration(one.spent_s) if one.spent_s else "–"
    if one.state in ("now", "stopped"):
        steps = f"{page.job.step} of {page.job.n_steps}" if page.job.n_steps else ""
        said = steps or page.job.phase or "starting"
        ended = ", stopped" if one.state == "stopped" else ""
        return escape(f"{said} · {duration(one.spent_s)}{ended}")
    return f"about {duration(one.expected_s)}" if one.expected_s is not None else ""


def _makes_version(page: JobPage) -> bool:
    return page.job.kind in ("dpo", "mask_sft", "tpo")
