"""Parses OpenAssistant's message trees: every two ranked replies to one message are a pair.

A rank of 0 is the best. https://github.com/LAION-AI/Open-Assistant/blob/main/oasst-data/README.md
"""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from ptrapp.core.errors import BadRow
from ptrapp.core.types import Choice, Message, MessageRole, Preference
from ptrapp.interchange.conversation import MAX_TURNS, prompt_of
from ptrapp.interchange.profile import Profile
from ptrapp.interchange.records import Found, GivenLabel, JudgedPair, ReadPlan
from ptrapp.interchange.thoughts import completion
from ptrapp.interchange.values import text_of

_UNRANKED = "a reply without a rank"
_ROLES = {"prompter": MessageRole.USER, "assistant": MessageRole.ASSISTANT}
_TABLE = {"message_id", "parent_id", "text", "role", "rank"}


def looks_like(row: Mapping[str, Any]) -> bool:
    """Returns whether a row is a tree of messages."""
    root = row.get("prompt")
    return isinstance(root, Mapping) and "replies" in root


def refuse_table(profile: Profile) -> None:
    """Refuses the table of single messages, whose rows are no trees. Raises `BadRow`."""
    if set(profile.columns) >= _TABLE:
        raise BadRow(
            "these are OpenAssistant's single messages, one a row (message_id, parent_id, text, "
            "role, rank); give the file of message trees (….trees.jsonl.gz) instead"
        )


def plan() -> ReadPlan:
    """Says how trees are read: all alike."""
    said = "every two ranked replies to one message are a pair, rank 0 the best"
    return ReadPlan(_read, ("prompt",), (said,), ("message_tree_id", "tree_state"))


def _read(row: Mapping[str, Any]) -> Found:
    root = row.get("prompt")
    if not isinstance(root, Mapping):
        raise BadRow("no 'prompt' that is a message with its replies")
    records: list[JudgedPair] = []
    left_out: list[str] = []
    for turns, replies in _asked(root):
        ranked = [one for one in replies if isinstance(one.get("rank"), int)]
        left_out += [_UNRANKED] * (len(replies) - len(ranked))
        prompt = prompt_of(turns, "the thread")
        for left, right in combinations(sorted(ranked, key=lambda one: one["rank"]), 2):
            texts = text_of(left, "text"), text_of(right, "text")
            if texts[0].strip() == texts[1].strip():
                left_out.append("two replies with the same text")
                continue
            choice = Choice.TIE if left["rank"] == right["rank"] else Choice.LEFT
            first, second = (completion(one, "text") for one in texts)
            label = GivenLabel(Preference(choice))
            records.append(JudgedPair(prompt, first, second, (label,)))
    return Found(tuple(records), left_out)


def _asked(root: Mapping[str, Any]) -> Iterator[tuple[list[Message], list[Mapping[str, Any]]]]:
    """Yields every prompter's message with the turns up to it, and the assistant's replies."""
    waiting: list[tuple[list[Message], Mapping[str, Any]]] = [([], root)]
    while waiting:
        before, node = waiting.pop(0)
        role = _ROLES.get(str(node.get("role")))
        if role is None:
            raise BadRow(f"a message has the role {str(node.get('role'))[:40]!r}")
        turns = [*before, Message(role, text_of(node, "text"))]
        if len(turns) > MAX_TURNS:
            raise BadRow(f"a thread has more than {MAX_TURNS} messages")
        replies = [one for one in node.get("replies") or () if isinstance(one, Mapping)]
        if role is MessageRole.USER:
            yield turns, replies
        waiting += [(turns, one) for one in replies]
