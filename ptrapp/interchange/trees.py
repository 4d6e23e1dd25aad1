"""Parses OpenAssistant's messages: every two ranked replies to one message are a pair.

They come as trees, or as a table with a message in each row and its parent's id. A rank of 0 is the
best. https://github.com/LAION-AI/Open-Assistant/blob/main/oasst-data/README.md
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from operator import itemgetter
from typing import Any

from ptrapp.core.errors import BadRow
from ptrapp.core.types import Choice, Message, MessageRole, Preference
from ptrapp.interchange.conversation import MAX_TURNS, prompt_of
from ptrapp.interchange.profile import Profile, is_nan
from ptrapp.interchange.records import Found, GivenLabel, JudgedPair, ReadPlan
from ptrapp.interchange.thoughts import completion
from ptrapp.interchange.values import text_of

_UNRANKED = "a reply without a rank"
_DELETED = "a deleted message"
_ORPHAN = "a message whose thread is not whole in the file"
_ROLES = {"prompter": MessageRole.USER, "assistant": MessageRole.ASSISTANT}
_TABLE = {"message_id", "parent_id", "text", "role", "rank"}
_ABOUT = (
    "message_tree_id", "tree_state", "user_id", "created_date", "lang", "review_count",
    "review_result", "deleted", "synthetic", "model_name", "detoxify", "emojis", "labels",
)  # fmt: skip


def looks_like(row: Mapping[str, Any]) -> bool:
    """Returns whether a row is a tree of messages."""
    root = row.get("prompt")
    return isinstance(root, Mapping) and "replies" in root


def is_table(profile: Profile) -> bool:
    """Returns whether rows are single messages of trees."""
    return set(profile.columns) >= _TABLE


def plan(profile: Profile, rows: Iterable[Mapping[str, Any]]) -> ReadPlan:
    """Says how trees are read: all alike. A table is gone through once for its threads."""
    said = "every two ranked replies to one message are a pair, rank 0 the best"
    if not is_table(profile):
        return ReadPlan(_read, ("prompt",), (said,), ("message_tree_id", "tree_state"))
    table = _Table(rows)
    return ReadPlan(table.read, tuple(sorted(_TABLE)), (said,), _ABOUT)


class _Table:
    """Every message of a table by its id, and the replies to it."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._messages: dict[str, Mapping[str, Any]] = {}
        self._replies: dict[str, list[str]] = {}
        for row in rows:
            key, parent = str(row.get("message_id")), str(row.get("parent_id") or "")
            if key not in self._messages:
                self._replies.setdefault(parent, []).append(key)
            self._messages[key] = {name: row.get(name) for name in (*_TABLE, "deleted")}

    def read(self, row: Mapping[str, Any]) -> Found:
        """Parses one message: a prompter's gives the pairs of its replies. Raises `BadRow`."""
        if _is_deleted(row):
            return Found((), (_DELETED,))
        role = _role(row)
        if role is MessageRole.ASSISTANT:
            return Found(())
        turns = self._thread(row)
        if turns is None:
            return Found((), (_ORPHAN,))
        keys = self._replies.get(str(row.get("message_id")), ())
        return _pairs(turns, [self._messages[key] for key in keys])

    def _thread(self, row: Mapping[str, Any]) -> list[Message] | None:
        """Returns the turns up to a message, None where an earlier one is not in the file."""
        turns: list[Message] = []
        one: Mapping[str, Any] | None = row
        while one is not None:
            turns.insert(0, Message(_role(one), text_of(one, "text")))
            _check_length(turns)
            parent = str(one.get("parent_id") or "")
            if not parent:
                return turns
            one = self._messages.get(parent)
        return None


def _read(row: Mapping[str, Any]) -> Found:
    root = row.get("prompt")
    if not isinstance(root, Mapping):
        raise BadRow("no 'prompt' that is a message with its replies")
    found = [_pairs(turns, replies) for turns, replies in _asked(root)]
    records = tuple(record for one in found for record in one.records)
    deleted = [_DELETED for one in _messages(root) if _is_deleted(one)]
    return Found(records, deleted + [reason for one in found for reason in one.left_out])


def _pairs(turns: list[Message], replies: Sequence[Mapping[str, Any]]) -> Found:
    """Returns every two ranked replies to one message as a pair, but for deleted ones.

    Who counts messages that are left out counts the deleted ones: a table has a row for each.
    """
    records: list[JudgedPair] = []
    replies = [one for one in replies if not _is_deleted(one)]
    ranks = [_rank(one) for one in replies]
    ranked = [(rank, one) for rank, one in zip(ranks, replies, strict=True) if rank is not None]
    left_out = [_UNRANKED] * (len(replies) - len(ranked))
    prompt = prompt_of(turns, "the thread")
    for (best, left), (next_best, right) in combinations(sorted(ranked, key=itemgetter(0)), 2):
        texts = text_of(left, "text"), text_of(right, "text")
        if texts[0].strip() == texts[1].strip():
            left_out.append("two replies with the same text")
            continue
        choice = Choice.TIE if best == next_best else Choice.LEFT
        first, second = (completion(one, "text") for one in texts)
        label = GivenLabel(Preference(choice))
        records.append(JudgedPair(prompt, first, second, (label,)))
    return Found(tuple(records), left_out)


def _is_deleted(message: Mapping[str, Any]) -> bool:
    """Returns whether a message was deleted, which a table may say as text."""
    return message.get("deleted") in (True, "True", "true")


def _rank(message: Mapping[str, Any]) -> float | None:
    """Returns the rank of a reply, which a table may hold as text; None where it has none."""
    given = message.get("rank")
    try:
        return None if given in (None, "") or is_nan(given) else float(given)
    except (TypeError, ValueError) as error:
        raise BadRow(f"the rank of a reply is {str(given)[:40]!r} instead of a number") from error


def _role(message: Mapping[str, Any]) -> MessageRole:
    role = _ROLES.get(str(message.get("role")).lower())
    if role is None:
        raise BadRow(f"a message has the role {str(message.get('role'))[:40]!r}")
    return role


def _check_length(turns: Sequence[Message]) -> None:
    if len(turns) > MAX_TURNS:
        raise BadRow(f"a thread has more than {MAX_TURNS} messages")


def _asked(root: Mapping[str, Any]) -> Iterator[tuple[list[Message], list[Mapping[str, Any]]]]:
    """Yields every prompter's message with the turns up to it, and the assistant's replies.

    A deleted one is not yielded; what was replied to it is, as in a table.
    """
    waiting: list[tuple[list[Message], Mapping[str, Any]]] = [([], root)]
    while waiting:
        before, node = waiting.pop(0)
        replies = _replies(node)
        if _is_deleted(node) and not replies:
            continue  # its text may be gone too
        role = _role(node)
        turns = [*before, Message(role, text_of(node, "text"))]
        _check_length(turns)
        if role is MessageRole.USER and not _is_deleted(node):
            yield turns, replies
        waiting += [(turns, one) for one in replies]


def _messages(root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yields every message of a tree."""
    waiting = [root]
    while waiting:
        yield (node := waiting.pop())
        waiting += _replies(node)


def _replies(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in node.get("replies") or () if isinstance(one, Mapping)]
