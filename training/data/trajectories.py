"""Turns rounds into trajectories: later rounds to imitate, and first rounds to replay with them."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence

from db.content import rounds, trajectories
from db.labelling import preferences
from db.labelling.votes import highest_vote_id
from db.models import POLICY, Round, Vote
from db.storage.session import Session
from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.preferences.counting import MAJORITY
from ptrapp.preferences.learnable import (
    Completions,
    learnable_pair,
    why_not_imitated,
    why_not_refined,
)
from training.data.examples import (
    Gathered,
    TrajectoryExample,
    TrajectoryKind,
    in_filters,
    messages_of,
    target_of,
)
from training.data.pairs import by_comparison
from training.jobs.payload import Filters


def gather_trajectories(
    session: Session,
    fmt: ThoughtFormat,
    filters: Filters,
    *,
    parent_adapter_id: int | None,
    replay_share: float,
    seed: int,
    with_attempts: bool = True,
) -> Gathered[TrajectoryExample]:
    """Reads later rounds that are worth imitating, and first rounds to replay beside them.

    A round is worth imitating when a stronger model wrote it, when its answer is correct, or when
    it won a current vote against its parent or a sibling, unless it is an attempt: then it is only
    read. Without attempts the same rounds follow the question directly, which is the control for
    the use of attempts. Replay (`replay_share` of all examples) preserves round 1: it takes first
    rounds of the policy itself, at first those in the mode (thinking or direct) in which the
    trajectories begin and those of the parent version.
    """
    dropped: Counter[str] = Counter()
    draw = random.Random(seed)
    won = _winners(preferences.current_votes(session, kinds=filters.rater_kinds))
    later, first = [], []
    for round_ in trajectories.training_rounds(session):
        if round_.index == 0:
            if (
                round_.author == POLICY
                and in_filters(round_, filters)
                and why_not_imitated(round_) is None
            ):
                first.append(round_)
        elif reason := _why_left_out(round_, filters, won):
            dropped[reason] += 1
        else:
            later.append(round_)
    n_refined = len(later)
    if filters.max_examples is not None:
        n_refined = min(n_refined, max(1, round(filters.max_examples * (1 - replay_share))))
        dropped["over the limit on examples"] += len(later) - n_refined
        later = sorted(draw.sample(later, n_refined), key=lambda round_: round_.id)
    histories = {round_.id: rounds.lineage(session, round_) for round_ in later}
    examples = [
        _trajectory(
            fmt, round_, histories[round_.id] if with_attempts else (), TrajectoryKind.REFINED
        )
        for round_ in later
    ]
    begins_thinking = Counter(history[0].thinking for history in histories.values())
    draw.shuffle(first)
    first.sort(key=lambda r: (begins_thinking[r.thinking] == 0, r.adapter_id != parent_adapter_id))
    n_replay = round(n_refined * replay_share / (1 - replay_share))
    examples += [_trajectory(fmt, r, (), TrajectoryKind.REPLAY) for r in first[:n_replay]]
    return Gathered(tuple(examples), +dropped, highest_vote_id(session))


def _trajectory(
    fmt: ThoughtFormat, round_: Round, history: Sequence[Round], kind: TrajectoryKind
) -> TrajectoryExample:
    target = target_of(fmt, round_, round_.thinking)
    messages = messages_of(fmt, round_, history)
    return TrajectoryExample(messages, round_.thinking, target, kind, len(round_.prompt.context))


def _winners(votes: Iterable[Vote]) -> frozenset[int]:
    """Returns ids of the rounds that the majority put above their parent or a sibling."""
    won = set()
    for comparison, given in by_comparison(votes):
        pair = learnable_pair(comparison, given, MAJORITY, Completions.FULL, Counter())
        if pair and pair.chosen.parent_id in (pair.rejected.id, pair.rejected.parent_id):
            won.add(pair.chosen.id)
    return frozenset(won)


def _why_left_out(round_: Round, filters: Filters, won: frozenset[int]) -> str | None:
    if not in_filters(round_, filters):
        return "of a run that was not asked for"
    return why_not_refined(round_, preferred=round_.id in won) or why_not_imitated(round_)
