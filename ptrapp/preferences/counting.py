"""Counts the votes on one comparison: which side is better, by which share, how strongly."""

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
    """Whether "equally good" is an outcome to learn from; the plain losses cannot use one."""
    soft: bool = False
    """Whether disagreement gives shares; otherwise the majority decides alone."""


MAJORITY = Counting()
"""The majority decides; ties are left out."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The joint outcome of the votes on a comparison."""

    better: Outcome
    """LEFT or RIGHT; LEFT where the votes are even."""
    outcomes: tuple[float, float, float]
    """Shares of the votes: for the better side, for a tie, for the other."""
    strength: float
    """Mean strength (1 to 3) of the votes for the better side; 1 for a tie."""
    vote_ids: tuple[int, ...]
    """Ids of the counted votes, ascending."""

    @property
    def is_even(self) -> bool:
        """Whether neither side has more votes, so that `better` means nothing."""
        return self.outcomes[0] == self.outcomes[2]


def count(votes: Sequence[Vote], counting: Counting, dropped: Counter[str]) -> Counted | None:
    """Counts the votes on one comparison, or counts in `dropped` why they make no pair.

    "Both bad" never becomes a pair: where it is the most frequent vote there is nothing to imitate,
    and elsewhere such votes do not tell which side is better. A judge that contradicted itself does
    not count either: its doubt is no tie.
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
    counted = [vote for vote in votes if vote.outcome in allowed]
    if not counting.soft:
        (first, n_first), *others = tally.most_common()
        if others and others[0][1] == n_first:
            dropped["raters disagree"] += 1
            return None
        counted = [vote for vote in counted if vote.outcome is first]
    if not counted:
        dropped["tie"] += 1
        return None
    frequency = Counter(vote.outcome for vote in counted)
    better = max(SIDES, key=lambda side: frequency[side])
    won, tied, lost = (
        frequency[outcome] / len(counted) for outcome in (better, Outcome.TIE, better.mirrored())
    )
    strengths = [vote.strength for vote in counted if vote.outcome is better]
    ids = tuple(sorted(vote.id for vote in counted))
    return Counted(better, (won, tied, lost), mean(strengths or [1]), ids)
