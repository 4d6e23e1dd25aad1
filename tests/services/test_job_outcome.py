"""What came of a job is said in words of its kind, not in names of fields."""

from typing import Any

import pytest

from db.models import Job, JobKind, JobStatus
from ptrapp.services.training.outcome import outcome

REASON = "The verifier needs a reference answer and … has none."


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"n_judged": 12, "n_comparisons": 12, "unscored": []}, "labelled 12 of 12 comparisons"),
        (
            {"n_judged": 0, "n_comparisons": 319, "unscored": [{"reason": REASON, "n": 319}]},
            f"labelled none of 319 comparisons: {REASON}",
        ),
    ],
)
def test_a_judge_says_how_many_it_labelled_and_why_not_the_others(
    result: dict[str, Any], words: str
) -> None:
    job = Job(
        kind=JobKind.JUDGE,
        status=JobStatus.DONE,
        result={"campaign_id": 1, "judge": "verifier"} | result,
    )
    assert outcome(job, None, None).text == f"verifier {words}"
