"""What a TPO iteration makes of completions that do not keep to the thought format."""

from dataclasses import replace

import pytest
from tpo_world import TpoJobs, tpo_jobs

from ptrapp.core.thoughts import GENERIC
from ptrapp.recipes.tpo import Malformed, TpoConfig

__all__ = ["tpo_jobs"]


@pytest.mark.parametrize(
    ("followed", "asked", "chosen"),
    [
        (True, None, "reject"),
        (False, None, "enforce"),
        (None, None, "enforce"),
        (False, "reject", "reject"),
        (True, "enforce", "enforce"),
    ],
)
def test_the_format_is_enforced_unless_the_model_follows_it(
    followed: bool | None, asked: str | None, chosen: str
) -> None:
    config = TpoConfig(malformed=Malformed(asked) if asked else None)
    assert config.treatment(replace(GENERIC, followed=followed)) == chosen


def test_the_result_says_what_became_of_malformed_completions_and_who_ended_the_thoughts(
    tpo_jobs: TpoJobs,
) -> None:
    job, _ = tpo_jobs.done(n_selection=0, epochs=1)
    assert job.result["malformed"] == "reject"
    assert job.result["ended_itself_share"] == 1
    assert job.result["asked_again_share"] == 0
    assert all(request.enforce is False for request in tpo_jobs.requests)

    enforced, _ = tpo_jobs.done(n_selection=2, epochs=1, malformed="enforce")
    assert enforced.result["malformed"] == "enforce"
    asked = tpo_jobs.requests[-1]
    assert asked.sampling.greedy
    assert asked.enforce is True
