"""Rows to training examples: the only place that knows what a comparison means.

Two rounds are a valid DPO pair only if both continue the same prompt. Siblings (one parent) do by
construction and keep their whole context. Rounds of different parents are compared on the bare
prompt: the rater saw two answers to one question, not two refinements of one attempt.

What a later round was shown of the earlier ones is in its run's settings, and is shown again.
"""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any, Generic, NamedTuple, TypeVar

from db import labels, rounds, trajectories
from db.models import Comparison, Outcome, Partition, Round, Vote
from db.session import Session
from db.trajectories import WEAK
from ptrapp.core.dialogue import REFINE_INSTRUCTION, HistoryMode, build_messages, turns_of
from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.core.types import FinishReason, Message, Turn
from ptrapp.outcomes import Counted, Counting, count
from training.payload import Filters

MAJORITY = Counting()
"""What most raters said, ties left out."""


@dataclass(frozen=True, slots=True)
class Target:
    """A completion that is learnt from: thought and response, as the policy wrote it."""

    raw: str
    completion_ids: tuple[int, ...] | None
    """Ids as generated, end of turn included; None for text that was never generated like this."""
    finished: bool = True
    """False when the token limit cut it: then no end of turn belongs behind it."""


@dataclass(frozen=True, slots=True)
class PairExample:
    """Two completions of the same messages, and which one is better."""

    messages: tuple[Message, ...]
    thinking: bool
    chosen: Target
    rejected: Target
    vote_ids: tuple[int, ...]
    outcomes: tuple[float, float, float] = (1.0, 0.0, 0.0)
    """Shares of the votes: for chosen, for a tie, for rejected."""
    strength: float = 1.0
    """How much better the chosen one is, 1 to 3."""


class TrajectoryKind(StrEnum):
    REFINED = "refined"
    REPLAY = "replay"


@dataclass(frozen=True, slots=True)
class TrajectoryExample:
    """A completion worth imitating after its history; the history is read, never learnt."""

    messages: tuple[Message, ...]
    thinking: bool
    target: Target
    kind: TrajectoryKind


E = TypeVar("E")


class Gathered(NamedTuple, Generic[E]):
    """What the rows gave, and what they did not, in words."""

    examples: tuple[E, ...]
    dropped: Counter[str]
    highest_vote_id: int


def gather_pairs(
    session: Session,
    fmt: ThoughtFormat,
    filters: Filters,
    *,
    after: int = 0,
    counting: Counting = MAJORITY,
) -> Gathered[PairExample]:
    """Read the current votes above `after` as pairs, oldest first."""
    dropped: Counter[str] = Counter()
    pairs: list[PairExample] = []
    votes = labels.current_votes(session, after=after, kinds=filters.rater_kinds)
    for comparison, given in _by_comparison(votes):
        if not _wanted((comparison.left, comparison.right), filters, dropped):
            continue
        counted = count(given, counting, dropped)
        if counted is None:
            continue
        better, worse = _sides(comparison, counted)
        if _learnable(better, worse, dropped):
            pairs.append(_pair(session, fmt, better, worse, counted))
    pairs.sort(key=lambda pair: pair.vote_ids[-1])
    if filters.max_examples is not None and len(pairs) > filters.max_examples:
        dropped["over the limit on examples"] = len(pairs) - filters.max_examples
        pairs = pairs[-filters.max_examples :]
    return Gathered(tuple(pairs), dropped, labels.highest_vote_id(session))


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
    won = _winners(labels.current_votes(session, kinds=filters.rater_kinds))
    later, first = [], []
    for round_ in trajectories.training_rounds(session):
        if round_.index == 0:
            if round_.author == "policy" and _imitable(round_) and _in(round_, filters):
                first.append(round_)
        elif _wanted((round_,), filters, dropped) and _worth_imitating(round_, won, dropped):
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
    return Gathered(tuple(examples), +dropped, labels.highest_vote_id(session))


def in_words(dropped: Counter[str]) -> str:
    """Say what was left out, the most frequent reason first.

    >>> in_words(Counter({"tie": 2, "empty response": 1}))
    'Left out: 2 × tie, 1 × empty response.'
    """
    if not dropped.total():
        return "There is nothing new since the last training."
    reasons = (f"{n} × {reason}" for reason, n in dropped.most_common())
    return f"Left out: {', '.join(reasons)}."


def _by_comparison(votes: Iterable[Vote]) -> Iterable[tuple[Comparison, list[Vote]]]:
    standing = (vote for vote in votes if vote.outcome is not Outcome.WITHDRAWN)
    ordered = sorted(standing, key=lambda vote: (vote.comparison_id, vote.id))
    for _, group in groupby(ordered, key=lambda vote: vote.comparison_id):
        given = list(group)
        yield given[0].comparison, given


def _sides(comparison: Comparison, counted: Counted) -> tuple[Round, Round]:
    """The better round, then the other."""
    sides = comparison.left, comparison.right
    return sides if counted.better is Outcome.LEFT else sides[::-1]


def _in(round_: Round, filters: Filters) -> bool:
    return round_.prompt.partition is Partition.TRAIN and (
        filters.runs is None or round_.run_id in filters.runs
    )


def _wanted(shown: Sequence[Round], filters: Filters, dropped: Counter[str]) -> bool:
    if shown[0].prompt.partition is not Partition.TRAIN:
        dropped["prompt is held out for evaluation"] += 1
        return False
    if not all(_in(round_, filters) for round_ in shown):
        dropped["of a run that was not asked for"] += 1
        return False
    return True


def _learnable(chosen: Round, rejected: Round, dropped: Counter[str]) -> bool:
    reason = None
    if FinishReason.CANCELLED in (chosen.finish_reason, rejected.finish_reason):
        reason = "stopped while it was written"
    elif not chosen.response.strip() or not rejected.response.strip():
        reason = "empty response"
    elif not chosen.well_formed:
        reason = "the better completion is malformed"
    elif (chosen.thinking, chosen.raw) == (rejected.thinking, rejected.raw):
        reason = "the two completions are identical"
    if reason:
        dropped[reason] += 1
    return reason is None


def _pair(
    session: Session, fmt: ThoughtFormat, chosen: Round, rejected: Round, counted: Counted
) -> PairExample:
    """Put two rounds on common messages.

    When one of them thought and the other answered directly there is no common prompt that both
    were written for. The pair then stands on the bare prompt in the mode of the chosen one, and the
    rejected is put into that mode: its response alone, or its response after an empty thought.
    """
    siblings = chosen.parent_id == rejected.parent_id and chosen.thinking == rejected.thinking
    history = rounds.lineage(session, chosen) if siblings else ()
    return PairExample(
        messages=_messages(fmt, chosen, history),
        thinking=chosen.thinking,
        chosen=_target(fmt, chosen, chosen.thinking),
        rejected=_target(fmt, rejected, chosen.thinking),
        vote_ids=counted.vote_ids,
        outcomes=counted.outcomes,
        strength=counted.strength,
    )


def _messages(fmt: ThoughtFormat, round_: Round, history: Sequence[Round]) -> tuple[Message, ...]:
    turns = [Turn(earlier.thought, earlier.response, _raw(fmt, earlier)) for earlier in history]
    prompt = round_.prompt
    shown: dict[str, Any] = round_.run.settings
    return build_messages(
        prompt.text,
        turns,
        fmt,
        round_.thinking,
        system=prompt.system,
        context=turns_of(prompt.context),
        refine_instruction=shown.get("refine_instruction", REFINE_INSTRUCTION),
        keep_thoughts=shown.get("keep_thoughts", True),
        history_mode=HistoryMode(shown.get("history_mode", HistoryMode.FULL)),
    )


def _raw(fmt: ThoughtFormat, round_: Round) -> str:
    """The whole text; one that no engine of ours wrote gets the mark of a direct answer."""
    if round_.thinking or round_.completion_ids or round_.raw.startswith(fmt.prefill_direct):
        return round_.raw
    return f"{fmt.prefill_direct} {round_.raw}"


def _target(fmt: ThoughtFormat, round_: Round, thinking: bool) -> Target:
    finished = round_.finish_reason != FinishReason.LENGTH
    if round_.thinking == thinking:
        ids = tuple(round_.completion_ids) if round_.completion_ids else None
        return Target(_raw(fmt, round_), ids, finished)
    opening = fmt.response_marker if thinking else fmt.prefill_direct
    return Target(f"{opening} {round_.response}".lstrip(), None, finished)


def _trajectory(
    fmt: ThoughtFormat, round_: Round, history: Sequence[Round], kind: TrajectoryKind
) -> TrajectoryExample:
    target = _target(fmt, round_, round_.thinking)
    return TrajectoryExample(_messages(fmt, round_, history), round_.thinking, target, kind)


def _winners(votes: Iterable[Vote]) -> frozenset[int]:
    """Ids of the rounds that the majority put above their parent or a sibling."""
    won = set()
    for comparison, given in _by_comparison(votes):
        counted = count(given, MAJORITY, Counter())
        if counted is None:
            continue
        better, worse = _sides(comparison, counted)
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
