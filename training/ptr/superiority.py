"""Tests whether finals are better than attempts, by Wilcoxon's one-sided signed-rank test.

PTR (arXiv 2410.13413) asks for p < 0.05 before a pair of weak and strong is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import rankdata, wilcoxon

from db.content import scores
from db.labelling import raters
from db.models import RaterKind, Round, Run
from ptrapp.core.dialogue import conversation_text
from ptrapp.judges.base import Judge, PointwiseJudge
from ptrapp.judges.verifier import Verifier
from ptrapp.preferences.scoring import score_candidates
from ptrapp.tasks.check import check
from training.jobs.claim import Claim, StopRequested

MAX_P = 0.05
MAX_JUDGED = 500
"""Most trajectories a judge is asked about: more cost much and change the test little."""


@dataclass(frozen=True, slots=True)
class Superiority:
    """The comparison of finals with the attempts right before them."""

    judge: str
    n: int
    """Trajectories that were scored."""
    n_better: int
    n_worse: int
    mean_attempt: float
    mean_final: float
    p: float
    """Probability of ranks like these if finals were no better; 1 where nothing differs."""
    effect: float
    """Matched-pairs rank-biserial correlation: −1 all worse, 0 balanced, 1 all better."""


def compare_scores(
    judge: str, attempts: Sequence[float], finals: Sequence[float]
) -> Superiority | None:
    """Tests paired scores; None without any.

    Equal pairs are left out, as Wilcoxon did. The effect is (R⁺ − R⁻)/(R⁺ + R⁻), the rank sums of
    gains and losses (Kerby 2014).

    Worked by hand: gains of 1, 2 and 3 are one of 2³ equally likely choices of signs, so p = 1/8.

    >>> found = compare_scores("judge", [0, 0, 0], [1, 2, 3])
    >>> found.p, found.effect
    (0.125, 1.0)
    """
    if not attempts:
        return None
    gains = [final - attempt for attempt, final in zip(attempts, finals, strict=True)]
    changed = [gain for gain in gains if gain]
    p, effect = 1.0, 0.0
    if changed:
        p = float(wilcoxon(changed, alternative="greater").pvalue)
        ranks = rankdata([abs(gain) for gain in changed])
        signed = sum(rank if gain > 0 else -rank for gain, rank in zip(changed, ranks, strict=True))
        effect = float(signed / ranks.sum())
    return Superiority(
        judge,
        len(gains),
        sum(gain > 0 for gain in gains),
        sum(gain < 0 for gain in gains),
        sum(attempts) / len(gains),
        sum(finals) / len(gains),
        p,
        effect,
    )


def measure(claim: Claim, judge: Judge, runs: Sequence[Run]) -> Superiority | None:
    """Scores the last attempt and the final of each trajectory; None where nothing can be scored.

    The verifier scores by the reference answer. Another judge is asked about an even sample; its
    scores are stored if it gives any, and a resumed job asks for the rest.
    """
    if isinstance(judge, Verifier):
        sides = [_checked(run) for run in runs if run.prompt.reference_answer]
    else:
        step = -(-len(runs) // MAX_JUDGED)
        sides = _judged(claim, judge, runs[:: max(1, step)])
    return compare_scores(judge.name, [a for a, _ in sides], [f for _, f in sides])


def in_words(found: Superiority | None, *, selected: bool = False) -> str:
    """Returns a sentence on how finals compare with attempts, and what that means for a training.

    `selected` when the same judge had chosen the finals: the test then only sees the choice.
    """
    if found is None:
        return (
            "Whether the finals are better than the attempts is not known: no trajectory could be "
            "scored. Give reference answers, or name a reward model as the judge."
        )
    means = f"{found.mean_attempt:.3g} to {found.mean_final:.3g} on average by {found.judge}"
    sentence = (
        f"Finals were better in {found.n_better} and worse in {found.n_worse} of {found.n} "
        f"({means}; Wilcoxon p = {found.p:.2g}, effect {found.effect:+.2f})."
    )
    if is_superior(found) and selected:
        return f"{sentence} This judge chose them: it says what the choice gained, no more."
    if is_superior(found):
        return sentence
    return (
        f"{sentence} That is no clear gain: a model trained on these may get worse at refining. "
        "Let a stronger model write the finals, or gather more trajectories."
    )


def is_superior(found: Superiority | None) -> bool:
    return found is not None and found.p < MAX_P


def _last_attempt_and_final(run: Run) -> tuple[Round, Round]:
    """Returns the last attempt and the last final."""
    n_attempts: int = run.settings["n_attempts"]
    return run.rounds[n_attempts - 1], run.rounds[-1]


def _checked(run: Run) -> tuple[float, float]:
    attempt, final = _last_attempt_and_final(run)
    reference = run.prompt.reference_answer or ""
    return check(attempt.response, reference).score, check(final.response, reference).score


def _judged(claim: Claim, judge: Judge, runs: Sequence[Run]) -> list[tuple[float, float]]:
    with claim.database.write() as session:
        rater = raters.ensure_rater(session, RaterKind.JUDGE, f"judge:{judge.name}").id
        ids = [round_.id for run in runs for round_ in _last_attempt_and_final(run)]
        known = scores.of_rounds(session, rater, ids)
    sides = []
    for number, run in enumerate(runs):
        attempt, final = _last_attempt_and_final(run)
        if claim.stop.is_set():
            raise StopRequested
        if attempt.id in known and final.id in known:
            sides.append((known[attempt.id], known[final.id]))
            continue
        prompt = run.prompt
        found = score_candidates(
            judge,
            conversation_text(prompt.text, prompt.context),
            prompt.reference_answer,
            [attempt.response, final.response],
        )
        attempt_score, final_score = found.values
        if attempt_score is None or final_score is None:
            continue
        sides.append((attempt_score, final_score))
        if isinstance(judge, PointwiseJudge):
            with claim.database.write() as session:
                scores.record(session, rater, {attempt.id: attempt_score, final.id: final_score})
        claim.report("judging finals", number + 1, len(runs), None)
    return sides
