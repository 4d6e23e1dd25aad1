"""Makes records for a file of stored rounds and votes, complete enough to be imported again."""

from collections.abc import Iterable, Sequence
from typing import Any

from db.content import rounds
from db.labelling import exports
from db.labelling.exports import ShownVote
from db.labelling.vote_log import LoggedComparison, LoggedPrompt, LoggedRound
from db.models import Comparison, Outcome, Partition, Prompt, RaterKind, Round
from db.storage.session import Session
from ptrapp.core.dialogue import HISTORY_SETTINGS
from ptrapp.core.types import Choice, Message, Preference
from ptrapp.interchange import native
from ptrapp.interchange.records import (
    CompletionText,
    GivenLabel,
    JudgedPair,
    PromptText,
    StoredVote,
)


def prompt_text(prompt: Prompt | LoggedPrompt) -> PromptText:
    """Returns a stored prompt as a record."""
    return PromptText(
        prompt.text,
        prompt.system,
        tuple(map(Message.from_dict, prompt.context)),
        prompt.reference_answer,
        prompt.task,
        prompt.source,
        prompt.partition is Partition.EVAL,
    )


class Records:
    """Makes records of the rows of a page, after `prepare` was called with its rounds."""

    def __init__(self, session: Session, *, names: bool) -> None:
        """Numbers people instead of naming them unless `names`."""
        self._session = session
        self._names = names
        self._copies: dict[int, int] = {}

    def prepare(self, shown: Iterable[Round | LoggedRound]) -> None:
        """Looks up what is needed of all rounds of a page, in one query."""
        whole = {one.id for round_ in shown for one in (*self._before(round_), round_)}
        self._copies = exports.count_copies(self._session, whole)

    def completion(self, round_: Round | LoggedRound) -> CompletionText:
        """Returns the record of a round with its earlier rounds."""
        settings = round_.run.settings
        earlier = self._before(round_)
        names = [name for name in HISTORY_SETTINGS if earlier and name in settings]
        return self._alone(
            round_,
            history=tuple(self._alone(one) for one in earlier),
            shown={name: settings[name] for name in names},
        )

    def pair(
        self,
        comparison: Comparison | LoggedComparison,
        votes: Iterable[ShownVote[Any]],
        *,
        left: Round | None = None,
    ) -> JudgedPair:
        """Returns the record of a comparison and its votes.

        `left` is the round to put on the left. Without it the texts alone decide the order, since
        ids differ from database to database.
        """
        here, there = self.completion(comparison.left), self.completion(comparison.right)
        swapped = left.id != comparison.left.id if left is not None else _comes_later(here, there)
        labels = tuple(self._label(one, swapped) for one in votes)
        sides = (there, here) if swapped else (here, there)
        prompt = prompt_text(comparison.prompt)
        return JudgedPair(prompt, sides[0], sides[1], labels, comparison.aspect.value)

    def _label(self, one: ShownVote[Any], swapped: bool) -> GivenLabel:
        vote = one.vote
        on_left = None
        if one.flipped is not None:
            on_left = (Choice.RIGHT if one.flipped != swapped else Choice.LEFT).value
        stored = StoredVote(
            key=vote.key,
            rater_kind=vote.rater.kind.value,
            rater=self.rater_name(vote.rater_id, vote.rater.name, vote.rater.kind),
            purpose=vote.purpose.value,
            blind=vote.blind,
            agreed=vote.agreed,
            decided_ms=vote.decided_ms,
            client=vote.client,
            supersedes=one.supersedes,
            on_left=on_left,
            created_at=vote.created_at.isoformat(),
        )
        preference = None
        if vote.outcome is not Outcome.WITHDRAWN:
            preference = Preference(Choice(vote.outcome), vote.strength)
            preference = preference.mirrored() if swapped else preference
        return GivenLabel(preference, rationale=vote.rationale or None, vote=stored)

    def rater_name(self, rater_id: int, name: str, kind: RaterKind) -> str:
        """Returns a rater's name as the file has it."""
        return name if self._names or kind is not RaterKind.HUMAN else f"person-{rater_id}"

    def _before(self, round_: Round | LoggedRound) -> Sequence[Round | LoggedRound]:
        if isinstance(round_, LoggedRound):
            return round_.earlier
        return rounds.lineage(self._session, round_) if round_.parent_id is not None else ()

    def _alone(self, round_: Round | LoggedRound, **more: Any) -> CompletionText:
        origin = round_.sampling.get("origin")
        version = round_.adapter.name if round_.adapter else None
        if origin is not None:
            author, version = origin.get("author", round_.author), origin.get("version")
            copy = origin.get("copy", 0)
        else:
            author, copy = round_.author, self._copies.get(round_.id, 0)
        return CompletionText(
            raw=round_.raw,
            thought=round_.thought,
            response=round_.response,
            thinking=round_.thinking,
            well_formed=round_.well_formed,
            finish_reason=round_.finish_reason,
            thought_end=round_.thought_end,
            asked_again=round_.asked_again,
            correct=round_.correct,
            n_thought_tokens=round_.n_thought_tokens,
            n_response_tokens=round_.n_response_tokens,
            author=author,
            version=version,
            copy=copy,
            **more,
        )


def _comes_later(one: CompletionText, other: CompletionText) -> bool:
    """Returns whether a completion is to stand on the right of another.

    The order is that of their rows as text, which begin with the raw text: where that differs, the
    rest need not be looked at.
    """
    if one.raw != other.raw:
        return repr(one.raw) > repr(other.raw)
    return str(native.completion_row(one)) > str(native.completion_row(other))
