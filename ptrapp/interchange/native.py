"""Converts records to and from native files, which lose nothing between export and import."""

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from ptrapp.core.dialogue import HISTORY_SETTINGS, HistoryMode
from ptrapp.core.errors import BadRow
from ptrapp.core.strength import IN_WORDS, STRENGTHS
from ptrapp.core.types import Choice, FinishReason, Preference, ThoughtEnd
from ptrapp.interchange import conversation
from ptrapp.interchange.records import (
    WITHDRAWN,
    CompletionText,
    GivenLabel,
    JudgedPair,
    PromptText,
    StoredVote,
)
from ptrapp.interchange.values import any_text, text

COLUMN = "thrice"
"""The column of a preference with the whole record as one JSON text: data frames have no other
values whose shape differs from row to row."""
OUTCOMES = (*Choice, WITHDRAWN)
_SIDES = (Choice.LEFT, Choice.RIGHT)
_KINDS = ("human", "judge", "dataset")
_PURPOSES = ("label", "repeat", "practice", "adjudication")
ASPECTS = ("response", "thought")
_MAX_ROUNDS = 64


def column(pair: JudgedPair) -> str:
    """Returns a whole pair, the chosen one on the left, as the text of the column."""
    whole = {
        "prompt": prompt_row(pair.prompt),
        "chosen": completion_row(pair.left),
        "rejected": completion_row(pair.right),
        "aspect": pair.aspect,
        "votes": [vote_row(label) for label in pair.labels],
    }
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


def parse(row: Mapping[str, Any]) -> JudgedPair:
    """Parses the column. Raises `BadRow`."""
    try:
        whole = json.loads(text(row[COLUMN], COLUMN))
    except (ValueError, RecursionError) as error:
        raise BadRow(f"{COLUMN!r} is no JSON ({error})") from error
    if not isinstance(whole, dict) or not isinstance(votes := whole.get("votes"), list):
        raise BadRow(f"{COLUMN!r} holds no votes")
    return JudgedPair(
        prompt_from(whole.get("prompt")),
        completion_from(whole.get("chosen"), "chosen"),
        completion_from(whole.get("rejected"), "rejected"),
        tuple(vote_from(_object(vote, "vote")) for vote in votes),
        one_of(whole, "aspect", ASPECTS),
    )


def prompt_row(prompt: PromptText) -> dict[str, Any]:
    return {
        "text": prompt.text,
        "system": prompt.system,
        "context": [turn.as_dict() for turn in prompt.context],
        "reference_answer": prompt.reference_answer,
        "task": prompt.task,
        "source": prompt.source,
        "held_out": prompt.held_out,
    }


def prompt_from(value: Any) -> PromptText:
    row = _object(value, "prompt")
    return PromptText(
        text(row.get("text"), "prompt.text"),
        _text_or_none(row, "system"),
        conversation.messages(row.get("context", []), "prompt.context"),
        _text_or_none(row, "reference_answer"),
        _text_or_none(row, "task", 64),
        _text_or_none(row, "source", 64),
        _flag(row, "held_out"),
    )


def completion_row(completion: CompletionText) -> dict[str, Any]:
    row: dict[str, Any] = {
        "raw": completion.raw,
        "thought": completion.thought,
        "response": completion.response,
        "thinking": completion.thinking,
        "well_formed": completion.well_formed,
        "finish_reason": completion.finish_reason,
        "correct": completion.correct,
        "n_thought_tokens": completion.n_thought_tokens,
        "n_response_tokens": completion.n_response_tokens,
        "author": completion.author,
        "version": completion.version,
    }
    if completion.thought_end:
        row["thought_end"] = completion.thought_end
    if completion.asked_again:
        row["asked_again"] = True
    if completion.copy:
        row["copy"] = completion.copy
    if completion.history:
        row["history"] = [completion_row(earlier) for earlier in completion.history]
    if completion.shown:
        row["shown"] = dict(completion.shown)
    return row


def completion_from(value: Any, name: str, *, nested: bool = False) -> CompletionText:
    """Parses a completion; its earlier rounds have no earlier rounds of their own."""
    row = _object(value, name)
    history = row.get("history", [])
    if not isinstance(history, list) or len(history) > _MAX_ROUNDS or (nested and history):
        raise BadRow(f"{name!r} has a history that is no list of at most {_MAX_ROUNDS} rounds")
    return CompletionText(
        raw=any_text(row.get("raw"), f"{name}.raw"),
        thought=any_text(row.get("thought"), f"{name}.thought"),
        response=any_text(row.get("response"), f"{name}.response"),
        thinking=_flag(row, "thinking"),
        well_formed=_flag(row, "well_formed"),
        finish_reason=one_of(row, "finish_reason", tuple(FinishReason)),
        correct=None if row.get("correct") is None else _flag(row, "correct"),
        n_thought_tokens=_count(row, "n_thought_tokens"),
        n_response_tokens=_count(row, "n_response_tokens"),
        thought_end=one_of(row, "thought_end", tuple(ThoughtEnd))
        if row.get("thought_end") is not None
        else None,
        asked_again=_flag(row, "asked_again") if "asked_again" in row else False,
        author=_text_or_none(row, "author", 32) or "import",
        version=_text_or_none(row, "version", 64),
        copy=_count(row, "copy", 0),
        history=tuple(completion_from(one, f"{name}.history", nested=True) for one in history),
        shown=_shown(row.get("shown", {})),
    )


def vote_row(label: GivenLabel) -> dict[str, Any]:
    vote = label.vote
    assert vote is not None, "only stored votes are written"
    return {
        "key": vote.key,
        "outcome": label.outcome,
        "strength": label.strength,
        "rater": vote.rater,
        "rater_kind": vote.rater_kind,
        "rationale": label.rationale,
        "purpose": vote.purpose,
        "blind": vote.blind,
        "agreed": vote.agreed,
        "on_left": vote.on_left,
        "decided_ms": vote.decided_ms,
        "client": vote.client,
        "supersedes": vote.supersedes,
        "created_at": vote.created_at,
    }


def vote_from(row: Mapping[str, Any]) -> GivenLabel:
    """Parses a vote. Raises `BadRow`."""
    strength = _count(row, "strength")
    if strength not in STRENGTHS:
        raise BadRow(f"'strength' is {strength}; it may be {IN_WORDS}")
    outcome = one_of(row, "outcome", OUTCOMES)
    supersedes = _text_or_none(row, "supersedes", 64)
    if outcome == WITHDRAWN and supersedes is None:
        raise BadRow("a withdrawn vote does not say which vote it withdraws ('supersedes')")
    vote = StoredVote(
        key=text(_text_or_none(row, "key", 64), "key"),
        rater_kind=one_of(row, "rater_kind", _KINDS),
        rater=text(_text_or_none(row, "rater", 120), "rater"),
        purpose=one_of(row, "purpose", _PURPOSES),
        blind=_flag(row, "blind"),
        agreed=None if row.get("agreed") is None else _flag(row, "agreed"),
        decided_ms=None if row.get("decided_ms") is None else _count(row, "decided_ms"),
        client=_text_or_none(row, "client", 32) or "",
        supersedes=supersedes,
        on_left=None if row.get("on_left") is None else one_of(row, "on_left", _SIDES),
        created_at=_time(row),
    )
    preference = None if outcome == WITHDRAWN else Preference(Choice(outcome), strength)
    return GivenLabel(preference, rationale=_text_or_none(row, "rationale"), vote=vote)


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadRow(f"{name!r} is a {type(value).__name__} instead of an object")
    return value


def _text_or_none(row: Mapping[str, Any], name: str, limit: int | None = None) -> str | None:
    value = row.get(name)
    if value is None:
        return None
    found = any_text(value, name)
    if limit is not None and len(found) > limit:
        raise BadRow(f"{name!r} has {len(found)} characters, more than {limit}")
    return found


def one_of(row: Mapping[str, Any], name: str, known: Collection[str]) -> str:
    value = row.get(name)
    if not isinstance(value, str) or value not in known:
        raise BadRow(f"{name!r} is {str(value)[:40]!r}; known are {', '.join(known)}")
    return value


def _flag(row: Mapping[str, Any], name: str) -> bool:
    value = row.get(name)
    if not isinstance(value, bool):
        raise BadRow(f"{name!r} is {str(value)[:40]!r} instead of true or false")
    return value


def _count(row: Mapping[str, Any], name: str, default: int | None = None) -> int:
    value = row.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise BadRow(f"{name!r} is {str(value)[:40]!r} instead of a number from 0")
    return value


def _time(row: Mapping[str, Any]) -> str:
    value = row.get("created_at")
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadRow(f"'created_at' is {str(value)[:40]!r} instead of a time with its zone")
    return str(value)


def _shown(value: Any) -> Mapping[str, Any]:
    row = _object(value, "shown")
    if strange := set(row) - set(HISTORY_SETTINGS):
        raise BadRow(f"'shown' holds {sorted(strange)[:5]}; known are {sorted(HISTORY_SETTINGS)}")
    if "refine_instruction" in row:
        any_text(row["refine_instruction"], "refine_instruction")
    if "keep_thoughts" in row:
        _flag(row, "keep_thoughts")
    if "history_mode" in row:
        one_of(row, "history_mode", tuple(HistoryMode))
    return dict(row)
