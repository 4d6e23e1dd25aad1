"""A TPO job whose answers changed by a third in length says so, and its result has the lengths."""

from typing import Any

import pytest
from tpo_world import TpoJobs, tpo_jobs

from training.tpo import selection
from training.tpo.selection import Measured, Measurements

__all__ = ["tpo_jobs"]


def test_only_prompts_that_both_answered_count() -> None:
    measured = Measurements(
        {"parent": Measured(["four", "", "sixsix"]), "7": Measured(["tw", "one", "four"])}
    )

    assert measured.lengths(7) == (5.0, 3.0, 2)
    nobody = Measurements({"parent": Measured([""]), "7": Measured(["one"])})
    assert nobody.lengths(7) == (0.0, 0.0, 0)


@pytest.mark.training
@pytest.mark.parametrize(("suffix", "said"), [("", None), (" So it is, to be sure.", "longer by")])
def test_the_job_says_how_its_answers_changed(
    tpo_jobs: TpoJobs,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
    said: str | None,
) -> None:
    """The engine is scripted; checkpoints answer with so much more."""
    answered = selection._responses

    def responses(claim: Any, config: Any, engine: Any, served: Any, prompts: Any) -> list[str]:
        found = answered(claim, config, engine, served, prompts)
        is_checkpoint = "step" in (served.label)
        return [text + suffix if is_checkpoint and text else text for text in found]

    monkeypatch.setattr(selection, "_responses", responses)
    job, _ = tpo_jobs.done()

    lengths = job.result["response_characters"]
    assert lengths["parent"] > 0
    assert (lengths["selected"] > 4 / 3 * lengths["parent"]) == bool(suffix)
    changed = [note for note in job.notes if "answers have become" in note["text"]]
    assert [note["level"] for note in changed] == (["warning"] if said else [])
    assert all(said in note["text"] for note in changed if said)
