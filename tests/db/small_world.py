"""A small world of rounds to vote on."""

from dataclasses import dataclass

from db.content import rounds
from db.content.rounds import NewRound
from db.labelling import comparisons, preferences, votes
from db.labelling.votes import StoredVote
from db.models import Outcome, RunMode, Vote
from db.storage.session import Database


def new_round(index: int = 0, parent_id: int | None = None, candidate: int = 0) -> NewRound:
    return NewRound(
        index=index,
        parent_id=parent_id,
        candidate=candidate,
        thinking=True,
        thought="Two and two.",
        response=f"Answer {index}.{candidate}",
        raw="<T>Two and two.<R>Answer",
        completion_ids=(1, 2, 3),
        well_formed=True,
        sampling={"temperature": 0.8},
        seed=7,
        n_thought_tokens=2,
        n_response_tokens=1,
        finish_reason="stop",
    )


@dataclass(frozen=True)
class World:
    """One prompt, three rounds of it, two people and a judge."""

    database: Database
    prompt_id: int
    run_id: int
    round_ids: tuple[int, int, int]
    ann_id: int
    bob_id: int
    judge_id: int
    comparison_id: int
    """Of the first round and the third."""

    def show(self, *, flipped: bool = False, rater_id: int | None = None) -> str:
        """Show the comparison; return the offer's key."""
        with self.database.write() as session:
            rater = rater_id or self.ann_id
            return comparisons.offer(session, rater, self.comparison_id, flipped=flipped).key

    def vote(self, shown: Outcome = Outcome.LEFT, *, rater_id: int | None = None) -> StoredVote:
        """Show the comparison and vote on it."""
        key = self.show(rater_id=rater_id)
        with self.database.write() as session:
            return votes.cast_vote(session, key, shown)

    def standing(self) -> list[Vote]:
        with self.database.read() as session:
            return preferences.current_votes(session)

    def another_comparison(self) -> int:
        """A comparison of two new rounds of the same prompt."""
        with self.database.write() as session:
            run = rounds.start_run(session, self.prompt_id, RunMode.SAMPLE, {})
            left = rounds.add_round(session, run.id, new_round())
            right = rounds.add_round(session, run.id, new_round(candidate=1))
            return comparisons.ensure_comparison(session, left.id, right.id).id
