"""Comparisons that are added to a campaign by hand: plain, gold, or for practice."""

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

from db.labelling import campaigns, candidates, gold
from db.labelling.campaigns import NewItem
from db.labelling.candidates import Pair
from db.models import Aspect, ItemKind, Outcome
from ptrapp.core.counts import counted
from ptrapp.core.errors import InputError
from ptrapp.core.types import Choice
from ptrapp.services.context import DataContext


class Known(NamedTuple):
    """A comparison added by hand, with or without a known answer."""

    left: int
    right: int
    gold: Choice | None = None
    explanation: str | None = None
    practice: bool = False


class Added(NamedTuple):
    """What became of comparisons that were added by hand."""

    n_new: int
    n_left_out: int
    note: str
    """Why some were left out or stay as they were, and whose answer is another one now."""


def add_known(context: DataContext, campaign_id: int, known: Sequence[Known]) -> Added:
    """Adds comparisons by hand: plain, gold, or for practice.

    As from every other source, pairs of the same words are left out, those with a known answer
    too: the Label page says of them that they are a tie. Raises `InputError` for a pair that is
    given with two answers.
    """
    items = [_item(one) for one in known]
    wanted = _answers(items)
    with context.database.write() as session:
        aspect = campaigns.find(session, campaign_id).aspect
        pairs = [Pair(one.left, one.right) for one in known]
        same = candidates.of_the_same_words(session, pairs, aspect)
        kept = [item for item in items if Pair(item.left, item.right) not in same]
        here = gold.known_answers(session, campaign_id, [(one.left, one.right) for one in kept])
        n_new = campaigns.add_items(session, campaign_id, kept, draw=random.Random())
    n_left_out = len({frozenset(pair) for pair in same})
    told = {pair: was for pair, was in here.items() if wanted[pair] not in (None, was.gold)}
    notes = (
        _left_out(n_left_out, aspect),
        _changed(sum(not was.is_labelled and was.gold is not None for was in told.values())),
        _stay(sum(was.is_labelled for was in told.values())),
    )
    return Added(n_new, n_left_out, " ".join(filter(None, notes)))


def known(context: DataContext, campaign_id: int) -> list[dict[str, Any]]:
    """Returns the gold and practice comparisons of a campaign, for its administrators."""
    with context.database.read() as session:
        campaign = campaigns.find(session, campaign_id)
        shown = "thought" if campaign.aspect is Aspect.THOUGHT else "response"
        rows = campaigns.items(session, campaign_id, (ItemKind.GOLD, ItemKind.PRACTICE))
        return [
            {
                "id": row.id,
                "kind": row.kind.value,
                "prompt": row.comparison.prompt.text,
                "left": getattr(row.comparison.left, shown),
                "right": getattr(row.comparison.right, shown),
                "gold": row.gold_outcome.value if row.gold_outcome else None,
                "explanation": row.explanation,
            }
            for row in rows
        ]


def _answers(items: Sequence[NewItem]) -> dict[tuple[int, int], Outcome | None]:
    """Returns the answer of each pair, in terms of its lower round as the left one."""
    found: dict[tuple[int, int], Outcome | None] = {}
    for item in items:
        pair = (min(item.left, item.right), max(item.left, item.right))
        answer = _TURNED.get(item.gold, item.gold) if item.left > item.right else item.gold
        if found.setdefault(pair, answer) is not answer:
            raise InputError(
                f"Rounds {pair[0]} and {pair[1]} are given twice, with two answers. Give the pair "
                "once."
            )
    return found


_TURNED: dict[Outcome | None, Outcome] = {
    Outcome.LEFT: Outcome.RIGHT,
    Outcome.RIGHT: Outcome.LEFT,
}


def _left_out(n: int, aspect: Aspect) -> str:
    if not n:
        return ""
    were = counted(n, "comparison was", "comparisons were")
    return f"{were} left out: both {aspect}s are the same words, and a vote teaches nothing."


def _changed(n: int) -> str:
    if not n:
        return ""
    return f"{counted(n, 'comparison')} of this campaign had another known answer: it is replaced."


def _stay(n: int) -> str:
    if not n:
        return ""
    are = counted(n, "comparison is", "comparisons are")
    return (
        f"{are} labelled already and not changed: settle a disagreement as gold, where the answer "
        "is to be known."
    )


def _item(one: Known) -> NewItem:
    answer = Outcome(one.gold) if one.gold else None
    if one.practice and answer is None:
        raise InputError("A practice comparison needs its known answer: gold.")
    kind = ItemKind.PRACTICE if one.practice else ItemKind.GOLD if answer else ItemKind.PLAIN
    return NewItem(one.left, one.right, kind=kind, gold=answer, explanation=one.explanation)
