"""Finds the prompt of a file in which no column has a usual name for it, or refuses to guess.

TRL defines what `chosen` and `rejected` alone mean: the prompt is the beginning that both share
(https://huggingface.co/docs/trl/dataset_formats, implicit prompts). The DPO paper calls the prompt
of `y_w` and `y_l` x (https://arxiv.org/abs/2305.18290).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ptrapp.core.errors import BadRow
from ptrapp.interchange import transcripts
from ptrapp.interchange.conversation import is_messages
from ptrapp.interchange.meaning import words_of
from ptrapp.interchange.profile import Profile
from ptrapp.interchange.prompt_columns import NAMES, PromptColumns
from ptrapp.interchange.values import names

SHARED = "no column is the prompt: it is the beginning that both texts share, as in TRL"
_OF_THE_PAPER = ("y_w", "y_l")
_TRL = ("chosen", "rejected")
_ABOUT = {
    "id", "ids", "uuid", "idx", "index", "source", "origin", "dataset", "split", "subset",
    "category", "domain", "type", "lang", "language", "model", "models", "score", "scores",
    "rating", "ratings", "margin", "strength", "rationale", "reason", "explanation", "comment",
    "comments", "notes", "note", "tag", "tags", "version", "date", "time", "timestamp", "at",
    "annotator", "annotators", "rater", "worker", "by", "license", "url", "link", "hash", "length",
    "tokens", "difficulty", "meta", "metadata", "system", "chosen", "rejected", "feedback",
    "critique", "status", "winner", "label",
}  # fmt: skip
"""Last words of columns that are about a row and hold no prompt."""
_MARKS = re.compile(r"(?:Assistant|ASSISTANT|Answer|Response|A):\s?|<\|assistant\|>\n?|\n+")
"""Where an answer may begin in plain text: after a speaker's name, or on a new line."""


def decide(
    profile: Profile, rows: Iterable[Mapping[str, Any]], two: tuple[str, str]
) -> tuple[PromptColumns, str]:
    """Returns the prompt's columns, none where the texts begin with it, and what is to be said.

    Raises `BadRow` where it would be a guess.
    """
    chosen, rejected = two
    if two == _OF_THE_PAPER and "x" in profile.filled:
        return PromptColumns("x"), "the prompt is x, as the answers to it are y_w and y_l"
    if not any(_is_plain(row.get(chosen)) and _is_plain(row.get(rejected)) for row in rows):
        return PromptColumns(), ""
    if empty := [name for name in NAMES if name in profile.columns]:
        raise BadRow(
            f"{names(dict.fromkeys(empty))} holds no prompt in any row; fill it, or leave the "
            "column out where the texts themselves begin with the prompt"
        )
    known = {*two, *_TRL}
    others = [
        name
        for name in profile.filled
        if name not in known
        and not profile.columns[name].is_numeric
        and _ABOUT.isdisjoint([word for word in words_of(name) if not word.isdigit()][-1:])
    ]
    if others:
        raise BadRow(
            f"no column has a usual name for the prompt, and {names(dict.fromkeys(others))} may "
            "hold it; call the column with the prompts prompt, or leave such columns out where the "
            "texts themselves begin with it"
        )
    if two != _TRL:
        raise BadRow(
            f"no column holds the prompt of {chosen} and {rejected}; add one called prompt, or "
            "call the two chosen and rejected where both begin with it"
        )
    return PromptColumns(), SHARED


def split(chosen: str, rejected: str) -> tuple[str, str, str]:
    """Returns prompt and answers of two texts that begin with the prompt.

    It is the common beginning up to the end of a turn or a word. Raises `BadRow` where they share
    none.
    """
    both = zip(chosen, rejected, strict=False)
    n_alike = next((n for n, (mine, other) in enumerate(both) if mine != other), None)
    shared = chosen[:n_alike] if n_alike is not None else min(chosen, rejected, key=len)
    marks = [mark.end() for mark in _MARKS.finditer(shared) if shared[: mark.start()].strip()]
    end = marks[-1] if marks else shared.rfind(" ") + 1
    asked = shared[:end].strip()
    if not asked:
        raise BadRow("there is no 'prompt', and 'chosen' and 'rejected' do not begin alike")
    return asked, chosen[end:], rejected[end:]


def _is_plain(value: Any) -> bool:
    """Returns whether a value is a text without its prompt: no messages and no transcript."""
    is_text = isinstance(value, str) and bool(value)
    return is_text and not is_messages(value) and not transcripts.is_transcript(value)
