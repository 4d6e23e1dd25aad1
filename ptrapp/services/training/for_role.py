"""Says of a job what a role may know: folders and addresses of the server are for admins."""

from dataclasses import replace

from ptrapp.core.people import ADMINS, Role
from ptrapp.core.public import values_in_public
from ptrapp.services.jobs import JobView


def for_role(job: JobView, role: Role) -> JobView:
    """Returns a job as a role sees it."""
    if role in ADMINS:
        return job
    return replace(
        job, settings=values_in_public(job.settings), result=values_in_public(job.result)
    )
