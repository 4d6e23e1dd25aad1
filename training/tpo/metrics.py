"""What an iteration found, as it stands on its job: counted once, before training begins.

::

    data/jobs/<job>/figures.json
"""

import json
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from db.models import Run
from training.jobs import atomic_write
from training.jobs.claim import Claim
from training.tpo.judging import Judged
from training.tpo.pairs import Paired


def metrics(runs: Sequence[Run], judged: Judged, paired: Paired) -> dict[str, Any]:
    """Counts and means of samples, scores and pairs; shares are from 0 to 1, None of nothing."""
    drawn = [round_ for run in runs for round_ in run.rounds]
    pairing = paired.pairing
    return {
        "n_prompts": len(runs),
        "n_samples": len(drawn),
        "malformed_share": fmean(not each.well_formed for each in drawn),
        "mean_thought_tokens": fmean(each.n_thought_tokens for each in drawn),
        "mean_response_tokens": fmean(each.n_response_tokens for each in drawn),
        "judge": judged.judge,
        "judge_agreement": judged.tally.agreement,
        "n_unscored": judged.n_unscored,
        "mean_score": fmean(judged.numbers.values()) if judged.numbers else None,
        "n_pairs": len(paired.examples),
        "n_malformed_rejected": pairing.n_malformed,
        "rho": round(pairing.rho, 4),
        "mean_chosen_length": pairing.mean_chosen_length,
        "mean_rejected_length": pairing.mean_rejected_length,
        "without_pair": dict(paired.dropped),
    }


def in_words(found: dict[str, Any]) -> str:
    """The main ones in a sentence."""
    scored = "" if found["mean_score"] is None else f", mean score {found['mean_score']:.3g}"
    return (
        f"{found['n_samples']} samples of {found['n_prompts']} prompts "
        f"({found['malformed_share']:.1%} malformed{scored}) gave {found['n_pairs']} pairs at "
        f"ρ {found['rho']:.2g}: chosen {found['mean_chosen_length']:.0f} characters, rejected "
        f"{found['mean_rejected_length']:.0f}."
    )


def write(claim: Claim, found: dict[str, Any]) -> None:
    atomic_write.write(claim.folder / "figures.json", json.dumps(found, indent=1).encode())


def read(claim: Claim) -> dict[str, Any]:
    """Read what was written before the pairs were frozen."""
    found: dict[str, Any] = json.loads((claim.folder / "figures.json").read_bytes())
    return found
