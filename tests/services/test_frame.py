"""The bar of a page holds what its person may know, and the job that matters."""

from typing import Any

import pytest

from db.models import JobKind
from db.registry import jobs
from ptrapp.core.people import Person, Role
from ptrapp.services.frame import read_frame
from ptrapp.services.training.job import read_job


@pytest.mark.parametrize(
    ("role", "pages"),
    [
        (Role.ADMIN, ("Play", "Label", "Campaigns", "Versions", "Train", "Data", "People")),
        (Role.VIEWER, ("Play", "Campaigns", "Versions", "Train")),
        (Role.ANNOTATOR, ("Label",)),
    ],
)
def test_a_role_is_shown_the_pages_it_may_use(
    world: Any, role: Role, pages: tuple[str, ...]
) -> None:
    with world.context.database.write() as session:
        jobs.enqueue(session, JobKind.DPO, {"settings": {}}, dedup="one")
    frame = read_frame(world.context, Person("Ada", role))
    assert frame.pages == pages
    assert frame.may_serve is (role is Role.ADMIN)
    knows = role is not Role.ANNOTATOR
    assert (frame.serving, frame.job is not None) == ("base" if knows else None, knows)


def test_the_job_that_is_next_is_shown_and_then_that_it_has_ended(world: Any) -> None:
    ada = Person("Ada", Role.ADMIN)
    with world.context.database.write() as session:
        first = jobs.enqueue(session, JobKind.DPO, {"settings": {}}, dedup="one").id
        second = jobs.enqueue(session, JobKind.EVALUATE, {"settings": {}}, dedup="two").id
    frame = read_frame(world.context, ada)
    assert frame.job is not None
    assert (frame.job.id, frame.job.status, frame.job.n_waiting) == (first, "queued", 1)
    assert frame.ended is None
    with world.context.database.write() as session:
        jobs.request_cancel(session, first)
    frame = read_frame(world.context, ada)
    assert frame.job is not None
    assert frame.ended is not None
    assert (frame.job.id, frame.ended.id, frame.ended.status) == (second, first, "cancelled")


def test_the_bar_and_the_page_of_a_job_say_the_same(world: Any) -> None:
    with world.context.database.write() as session:
        jobs.enqueue(session, JobKind.DPO, {"settings": {}}, dedup="one")
        job = jobs.claim(session, 60.0)
        assert job is not None
        held = job.id, str(job.claim_token)
        jobs.progress(session, *held, phase="training", step=30, n_steps=100, eta_s=7.5)
    bar = read_frame(world.context, Person("Ada", Role.ADMIN)).job
    page = read_job(world.context, held[0]).progress
    assert bar is not None
    assert page.share is not None
    assert bar.eta_s == page.left_s == 7.5
    assert bar.share == pytest.approx(page.share, abs=0.05)
