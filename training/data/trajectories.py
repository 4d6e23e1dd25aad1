"""Rounds to trajectories: which later rounds are worth imitating, what is replayed beside them."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence

from db.labelling import preferences
from db.content import rounds
from db.content import trajectories
from db.models import Round, Vote
from db.storage.session import Session
from db.content.trajectories import WEAK
from db.labelling.votes import highest_vote_id
from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.core.types import FinishReason
from ptrapp.preferences.counting import count
from training.data.examples import (
    Gathered,
    TrajectoryExample,
    TrajectoryKind,
    in_filters,
    messages_of,
    target_of,
)
from training.data.pairs import MAJORITY, by_comparison, sides_of, wanted
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
    """Read later rounds that are worth imitating, and first rounds to replay beside them.

    A round is worth imitating when a stronger writer wrote it, when its answer is correct, or when
    it won a current vote against its parent or a sibling, unless it is an attempt: then it is only
    read. Without attempts the same rounds stand right behind the question: the control that tells
    what the attempts are good for. Replay (`replay_share` of all examples) keeps round 1 what it
    was: first rounds of the policy itself, those in the mode (thinking or direct) that the
    trajectories begin in and those of the very parent first.
    """
    dropped: Counter[str] = Counter()
    draw = random.Random(seed)
    won = _winners(preferences.current_votes(session, kinds=filters.rater_kinds))
    later, first = [], []
    for round_ in trajectories.training_rounds(session):
        if round_.index == 0:
            if round_.author == "policy" and _imitable(round_) and in_filters(round_, filters):
                first.append(round_)
        elif wanted((round_,), filters, dropped) and _worth_imitating(round_, won, dropped):
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
    return TrajectoryExample(messages_of(fmt, round_, history), round_.thinking, target, kind)


def _winners(votes: Iterable[Vote]) -> frozenset[int]:
    """Ids of the rounds that the majority put above their parent or a sibling."""
    won = set()
    for comparison, given in by_comparison(votes):
        counted = count(given, MAJORITY, Counter())
        if counted is None:
            continue
        better, worse = sides_of(comparison, counted)
        if better.parent_id in (worse.id, worse.parent_id):
            won.add(better.id)
    return frozenset(won)


def _imitable(round_: Round) -> bool:
    complete = round_.finish_reason == FinishReason.STOP
    return round_.well_formed and complete and bool(round_.response.strip())


def _is_attempt(round_: Round) -> bool:
    n_attempts: int = round_.run.settings.get("n_attempts", 0)
    return round_.index < n_attempts or round_.author.startswith(WEAK)


def _worth_imitating(round_: Round, won: frozenset[int], dropped: Counter[str]) -> bool:
    if _is_attempt(round_):
        dropped["an attempt: read, not learnt"] += 1
    elif not (round_.author != "policy" or round_.correct or round_.id in won):
        dropped["neither correct nor preferred nor by a stronger writer"] += 1
    elif not _imitable(round_):
        dropped["malformed or unfinished"] += 1
    else:
        return True
    return False
