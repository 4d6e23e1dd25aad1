"""Lists the comparisons on which raters of a campaign disagree, for improving the guidelines."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from db.labelling import adjudications, agreement
from db.labelling.agreement import LabelRow
from db.models import Aspect, Campaign, Comparison, Purpose, Round, Vote
from ptrapp.analysis.disagreement import disagreements
from ptrapp.core.errors import NotFound
from ptrapp.services.context import LabelsContext
from ptrapp.services.labelling.kept_labels import read_labels

MAX_AT_ONCE = 20
_MAX_CHARACTERS = 6_000
"""Of one text: a gallery is looked over."""


@dataclass(frozen=True, slots=True)
class RaterAnswer:
    rater: str
    kind: str
    outcome: str
    """With the comparison's own left and right."""
    strength: int
    reason: str


@dataclass(frozen=True, slots=True)
class Adjudicated:
    """The vote that settles a comparison."""

    by: str
    outcome: str
    """With the comparison's own left and right."""
    strength: int
    reason: str


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One comparison with its votes, with its own left and right, not those of raters' screens."""

    comparison_id: int
    system: str
    context: list[dict[str, str]]
    prompt: str
    left: str
    right: str
    said: list[RaterAnswer]
    settled: Adjudicated | None


@dataclass(frozen=True, slots=True)
class Gallery:
    n: int
    """Number of all disagreements."""
    n_settled: int
    """How many of them an adjudication settles."""
    offset: int
    shown: list[Disagreement]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def read_gallery(
    context: LabelsContext, campaign_id: int, offset: int = 0, limit: int = MAX_AT_ONCE
) -> Gallery:
    """Returns comparisons that raters answered differently: first those that nobody settled, and
    the widest apart first.

    It names raters, so it is for administrators only. Raises `NotFound`.
    """
    with context.database.read() as session:
        campaign = session.get(Campaign, campaign_id)
        if campaign is None:
            raise NotFound(f"There is no campaign {campaign_id}.")
        ids = disagreements(read_labels(context, session, campaign_id).labels)
        settled = adjudications.of_comparisons(session, adjudications.among(session, ids))
        ids.sort(key=lambda one: one in settled)
        chosen = ids[offset : offset + limit]
        wanted = agreement.of_campaign(session, campaign_id, chosen)
        votes = {
            vote.id: vote for vote in agreement.votes_on(session, [row.vote_id for row in wanted])
        }
        compared = {vote.comparison_id: vote.comparison for vote in votes.values()}
        shown = [
            judged(compared[one], campaign.aspect, wanted, votes, settled.get(one))
            for one in chosen
        ]
    return Gallery(len(ids), len(settled), offset, shown)


def judged(
    comparison: Comparison,
    aspect: Aspect,
    rows: Sequence[LabelRow],
    votes: dict[int, Vote],
    settled: Vote | None,
) -> Disagreement:
    """Returns a comparison as it is looked over, with those of `rows` that are about it."""
    mine = [row for row in rows if row.comparison_id == comparison.id]
    prompt = comparison.prompt
    return Disagreement(
        comparison.id,
        _cut(prompt.system or ""),
        [{"role": turn["role"], "content": _cut(turn["content"])} for turn in prompt.context],
        _cut(prompt.text),
        _cut(_compared(comparison.left, aspect)),
        _cut(_compared(comparison.right, aspect)),
        [
            RaterAnswer(
                row.rater,
                row.kind.value,
                row.outcome.value,
                row.strength,
                _cut(votes[row.vote_id].rationale or ""),
            )
            for row in mine
            if row.purpose is Purpose.LABEL and row.agreed is not False
        ],
        None if settled is None else _adjudicated(settled),
    )


def _adjudicated(vote: Vote) -> Adjudicated:
    reason = _cut(vote.rationale or "")
    return Adjudicated(vote.rater.name, vote.outcome.value, vote.strength, reason)


def _compared(side: Round, aspect: Aspect) -> str:
    return side.thought if aspect is Aspect.THOUGHT else side.response


def _cut(text: str) -> str:
    """Returns a text, cut after `MAX_CHARACTERS` and then ended by "…"."""
    return text if len(text) <= _MAX_CHARACTERS else text[:_MAX_CHARACTERS] + " …"
