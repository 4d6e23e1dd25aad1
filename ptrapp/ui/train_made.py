"""Draws what became of the version that a job made: measured, waiting or serving, with links."""

from datetime import datetime
from html import escape

from ptrapp.core.counts import counted
from ptrapp.services.training.job import JobPage
from ptrapp.services.training.measured import MadeVersion, Measurement
from ptrapp.ui.train_drawn import chip, duration, took

_WORDS = {"passed": "passed", "waits": "waits", "overruled": "served all the same"}


def made(page: JobPage) -> str:
    """Returns the version of a job with its measurement and what was decided, or "" without one."""
    if page.made is None:
        return ""
    one = page.made
    steps = (_learnt(one), _measured(one), _decided(one), _served(one))
    listed = "".join(f"<li>{step}</li>" for step in steps if step)
    return (
        f"<h3><a href='versions'>{escape(one.name)}</a> {chip(_state(one))}</h3>"
        f"<div role='status'><ul class='made'>{listed}</ul></div>"
    )


def measures(page: JobPage) -> str:
    """Returns which version the gate decides on by this evaluation, or "" for any other job."""
    if page.measures is None:
        return ""
    name, job_id = page.measures
    by = f", which <a href='train?job={job_id}'>job {job_id}</a> made" if job_id else ""
    return f"<p>By this job the gate decides on <a href='versions'>{escape(name)}</a>{by}.</p>"


def follows(page: JobPage) -> str:
    """Returns the job that was queued by this one, or what will be."""
    if page.next_job is None:
        return ""
    return f"<p>Then: <a href='train?job={page.next_job}'>job {page.next_job}</a>.</p>"


def serve_words(one: MadeVersion | None) -> str:
    """Returns what the button says by which a person serves the version; "" where none may."""
    if one is None or one.serving == "now" or one.status in ("rejected", "unavailable"):
        return ""
    if one.serving == "never" and one.gate in ("", "measuring"):
        return ""  # it may still serve by itself
    if needs_reason(one):
        return "Serve it all the same …"
    return "Serve it again" if one.serving == "before" else "Serve it"


def needs_reason(one: MadeVersion) -> bool:
    """Whether a person who serves it has to say why: the gate has decided against it."""
    return one.serving == "never" and one.gate == "waits"


def _state(one: MadeVersion) -> str:
    if one.status in ("rejected", "unavailable"):
        return one.status
    if one.serving == "now":
        return "answers"
    return "being measured" if one.gate in ("", "measuring") else _WORDS[one.gate]


def _learnt(one: MadeVersion) -> str:
    if one.n_learnt is None:
        return ""
    reasons = sorted(one.left_out.items(), key=lambda each: -each[1])
    why = ", ".join(f"{n:,} × {escape(reason)}" for reason, n in reasons if n)
    beside = f", beside {counted(one.n_replayed, 'first round')} replayed" if one.n_replayed else ""
    said = f"Learnt from {counted(one.n_learnt, 'example')}{beside}."
    return f"{said} Not taken as they are: {why}." if why else said


def _measured(one: MadeVersion) -> str:
    if one.measurement is None:
        return "" if one.gate else f"Not measured beside {escape(one.against)} yet."
    measurement = one.measurement
    job = f"<a href='train?job={measurement.job_id}'>job {measurement.job_id}</a>"
    seconds = measurement.took_s
    word = "took" if measurement.status == "done" else f"{measurement.status} after"
    ends = f", {word} {took(seconds, measurement.progress.paused)}" if seconds is not None else ""
    if measurement.status in ("queued", "running"):
        return f"Is measured beside <b>{escape(one.against)}</b>: {job}, {_going(measurement)}."
    was = "Was" if measurement.status == "done" else "Was to be"
    at = _at(measurement.ended_at)
    return f"{was} measured beside <b>{escape(one.against)}</b>: {job}{ends}{at}."


def _going(one: Measurement) -> str:
    share = f" {one.progress.share:.0%}" if one.status == "running" and one.progress.share else ""
    left = one.progress.left_s
    return f"{one.status}{share}" + (f", about {duration(left)} left" if left is not None else "")


def _decided(one: MadeVersion) -> str:
    if not one.verdict:
        return ""
    return f"<b>{escape(one.verdict[0].upper() + one.verdict[1:])}.</b>"


def _served(one: MadeVersion) -> str:
    if one.by:
        why = f"Served all the same by {escape(one.by)}: “{escape(one.reason)}”."
        return why if one.serving == "now" else f"{why} It does not answer now."
    if one.serving == "now":
        return f"Answers every new prompt{_at(one.served_at, 'since ')}."
    if one.serving == "before":
        return f"It answered before{_at(one.served_at, 'from ')}; another version does now."
    if one.gate == "waits":
        return f"It waits: {escape(one.against)} goes on answering until a person serves this one."
    if not one.serves_by_itself:
        return "It waits for a person: versions do not serve by themselves here."
    if one.too_few:
        return f"Then it waits for a person: {escape(one.too_few)}."
    return "" if one.gate == "passed" else "Then it serves by itself, unless it is found worse."


def _at(when: datetime | None, word: str = "") -> str:
    return f", {word}{when:%d %b %Y, %H:%M} UTC" if when else ""
