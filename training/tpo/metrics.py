"""The metrics of an iteration's data, counted once before training begins.

::

    data/jobs/<job>/figures.json
"""

import json
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from db.models import Run
from ptrapp.analysis.thoughts import ended_itself_share
from ptrapp.recipes.tpo import Malformed
from training.jobs import atomic_write
from training.jobs.claim import Claim
from training.tpo.judging import Judged
from training.tpo.pairs import Paired


def metrics(
    runs: Sequence[Run], judged: Judged, paired: Paired, malformed: Malformed
) -> dict[str, Any]:
    """Returns counts and means of samples, scores and pairs; shares are from 0 to 1, or None."""
    drawn = [round_ for run in runs for round_ in run.rounds]
    pairing = paired.pairing
    return {
        "n_prompts": len(runs),
        "n_samples": len(drawn),
        "malformed": malformed.value,
        "malformed_share": fmean(not each.well_formed for each in drawn),
        "ended_itself_share": ended_itself_share(each.thought_end for each in drawn),
        "asked_again_share": fmean(each.asked_again for each in drawn),
        "mean_thought_tokens": fmean(each.n_thought_tokens for each in drawn),
        "mean_response_tokens": fmean(each.n_response_tokens for each in drawn),
        "judge": judged.judge,
        "judge_agreement": judged.tally.agreement,
        "n_unscored": judged.n_unscored,
        "mean_score": fmean(judged.pointwise.values()) if judged.pointwise else None,
        "n_pairs": len(paired.examples),
        "n_malformed_rejected": pairing.n_malformed,
        "rho": round(pairing.rho, 4),
        "mean_chosen_length": pairing.mean_chosen_length,
        "mean_rejected_length": pairing.mean_rejected_length,
        "without_pair": dict(paired.dropped),
    }


def in_words(values: dict[str, Any]) -> str:
    """Returns the main metrics as a sentence."""
    scored = "" if values["mean_score"] is None else f", mean score {values['mean_score']:.3g}"
    by_itself = values["ended_itself_share"]
    thoughts = "" if by_itself is None else f", {by_itself:.1%} of thoughts ended by the model"
    return (
        f"{values['n_samples']} samples of {values['n_prompts']} prompts "
        f"({values['malformed_share']:.1%} malformed{thoughts}{scored}) gave "
        f"{values['n_pairs']} pairs at ρ {values['rho']:.2g}: "
        f"chosen {values['mean_chosen_length']:.0f} characters, rejected "
        f"{values['mean_rejected_length']:.0f}."
    )


def write(claim: Claim, values: dict[str, Any]) -> None:
    """Stores the metrics in the job's folder."""
    atomic_write.write(claim.folder / "figures.json", json.dumps(values, indent=1).encode())


def read(claim: Claim) -> dict[str, Any]:
    """Reads the metrics that were stored before the pairs were frozen."""
    values: dict[str, Any] = json.loads((claim.folder / "figures.json").read_bytes())
    return values
