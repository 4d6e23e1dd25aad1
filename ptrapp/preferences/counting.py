"""The votes on one comparison to one outcome: which side is better, how surely, how strongly."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from db.models import Outcome, Vote

SIDES = (Outcome.LEFT, Outcome.RIGHT)


@dataclass(frozen=True, slots=True)
class Counting:
    """How several votes become one outcome."""

    ties: bool = False
    """Whether "equally good" is an outcome to learn from; the plain losses know none."""
    soft: bool = False
    """Whether raters who disagree leave shares, or the majority decides alone."""


MAJORITY = Counting()
"""What most raters said, ties left out."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What the raters of a comparison said together."""

    better: Outcome
    """LEFT or RIGHT; LEFT where the votes are even."""
    outcomes: tuple[float, float, float]
    """Shares of the votes: for the better side, for a tie, for the other."""
    strength: float
    """Mean strength (1 to 3) of the votes for the better side; 1 for a tie."""
    vote_ids: tuple[int, ...]
    """The votes this rests on, in their order."""

    @property
    def is_even(self) -> bool:
        """Whether neither side has more votes, so that `better` means nothing."""
        return self.outcomes[0] == self.outcomes[2]


def count(votes: Sequence[Vote], counting: Counting, dropped: Counter[str]) -> Counted | None:
    """Count the votes on one comparison; None, and why in `dropped`, when there is no pair in them.

    "Both bad" never becomes a pair: where it is said most, there is nothing to imitate, and where
    it is said by a few, those few say nothing about which is better. A judge that contradicted
    itself says nothing either: its doubt is no tie.
    """
    votes = [vote for vote in votes if vote.agreed is not False]
    if not votes:
        dropped["the judge contradicted itself"] += 1
        return None
    tally = Counter(vote.outcome for vote in votes)
    n_bad = tally[Outcome.BOTH_BAD]
    if n_bad and n_bad >= max(tally[side] for side in (*SIDES, Outcome.TIE)):
        dropped["both bad" if n_bad > len(votes) - n_bad else "raters disagree"] += 1
        return None
    allowed = (*SIDES, Outcome.TIE) if counting.ties else SIDES
    heard = [vote for vote in votes if vote.outcome in allowed]
    if not counting.soft:
        (first, n_first), *others = tally.most_common()
        if others and others[0][1] == n_first:
            dropped["raters disagree"] += 1
            return None
        heard = [vote for vote in heard if vote.outcome is first]
    if not heard:
        dropped["tie"] += 1
        return None
    shares = Counter(vote.outcome for vote in heard)
    better = max(SIDES, key=lambda side: shares[side])
    left, tie, right = (
        shares[outcome] / len(heard) for outcome in (better, Outcome.TIE, better.mirrored())
    )
    strengths = [vote.strength for vote in heard if vote.outcome is better]
    ids = tuple(sorted(vote.id for vote in heard))
    return Counted(better, (left, tie, right), mean(strengths or [1]), ids)
