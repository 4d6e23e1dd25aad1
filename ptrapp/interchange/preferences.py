"""Parses preferences with a chosen and a rejected column, by TRL's and by other names.

https://huggingface.co/docs/trl/dataset_formats; HH-RLHF's transcripts; `chosen_response` (Argilla's
UltraFeedback, https://huggingface.co/datasets/argilla/ultrafeedback-binarized-preferences);
OpenAI's `preferred_output` (https://developers.openai.com/api/docs/guides/direct-preference-optimization);
LLaMA-Factory's ranking (https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ptrapp.core.errors import BadRow
from ptrapp.core.types import Choice, Message, MessageRole, Preference
from ptrapp.interchange import (
    continued,
    implicit_prompt,
    native,
    prompt_columns,
    scores,
    transcripts,
)
from ptrapp.interchange.conversation import (
    answer_of,
    is_messages,
    messages,
    prompt_of,
    without_thoughts,
)
from ptrapp.interchange.profile import Profile
from ptrapp.interchange.prompt_columns import PromptColumns
from ptrapp.interchange.records import Found, GivenLabel, JudgedPair, PromptText, ReadPlan
from ptrapp.interchange.thoughts import completion
from ptrapp.interchange.values import any_text, optional_text, text_of

NAMES = (
    ("chosen", "rejected"), ("chosen_response", "rejected_response"),
    ("preferred_output", "non_preferred_output"), ("response_chosen", "response_rejected"),
    ("answer_winning", "answer_losing"), ("answer_w", "answer_l"), ("preferred", "dispreferred"),
    ("preferred", "rejected"), ("winning_response", "losing_response"), ("win", "lose"),
    ("winner", "loser"), ("y_w", "y_l"), ("response_w", "response_l"), ("better", "worse"),
    ("better_response", "worse_response"), ("better_answer", "worse_answer"), ("best", "worst"),
    ("accepted", "rejected"), ("chosen_text", "rejected_text"),
    ("chosen_answer", "rejected_answer"), ("preferred_response", "rejected_response"),
    ("preferred_response", "dispreferred_response"), ("response_j", "response_k"),
)  # fmt: skip
"""The better one first; that it is response_j says the card of
https://huggingface.co/datasets/lvwerra/stack-exchange-paired. Pairs such as good and bad, positive
and negative are no such names: they may be of two questions, as in data for retrieval."""


_ASKED = ("prompt", "question", "instruction", "query", "input")
"""Columns of a question; `context` beside transcripts is as often the name of a part of them."""
_SPEAKER = re.compile(r"(?:^|\n)\s*(?:human|user)\s*:|\n\s*assistant\s*:\s*$", re.IGNORECASE)
PARTED = "a conversation whose two sides part before the last answer"
"""Its preference is on two conversations. No two answers in it have the same turns before them but
the first, and of these it does not say which is better."""


class Parted(BadRow):
    """Two conversations that differ before their last answer: they answer no common prompt."""


class PreferenceLayout(NamedTuple):
    """The columns of the two answers and of their prompt."""

    chosen: str = "chosen"
    rejected: str = "rejected"
    prompt: PromptColumns = PromptColumns("prompt")


def plan(profile: Profile, rows: Iterable[Mapping[str, Any]]) -> ReadPlan:
    """Decides the columns of a file. Raises `BadRow`."""
    if native.COLUMN in profile.columns:
        return ReadPlan(lambda row: Found(parse(row)), tuple(profile.columns))
    chosen, rejected = both_of(profile) or NAMES[0]
    prompt, said = prompt_columns.decide(profile, (chosen, rejected)), ""
    if not prompt.prompt:
        found, said = implicit_prompt.decide(profile, rows, (chosen, rejected))
        prompt = prompt._replace(prompt=found.prompt)
    layout = PreferenceLayout(chosen, rejected, prompt)
    used = (chosen, rejected, *prompt.used, "strength", "rationale")
    notes = (said, scores.contradicting(profile, rows, chosen, rejected))
    return ReadPlan(lambda row: _read(row, layout), used, tuple(filter(None, notes)))


def _read(row: Mapping[str, Any], layout: PreferenceLayout) -> Found:
    try:
        return Found(parse(row, layout))
    except Parted:
        return Found((), (PARTED,))


def both_of(profile: Profile) -> tuple[str, str] | None:
    """Returns the chosen and the rejected column of a file, None where it has no such two."""
    return next((two for two in NAMES if {*two} <= set(profile.columns)), None)


def parse(row: Mapping[str, Any], layout: PreferenceLayout | None = None) -> tuple[JudgedPair, ...]:
    """Parses one preference, the chosen completion on the left. Raises `BadRow`."""
    if native.COLUMN in row:
        return (native.parse(row),)
    layout = layout or PreferenceLayout(
        prompt=PromptColumns("prompt" if row.get("prompt") is not None else "")
    )
    prompt, chosen, rejected = _parts(row, layout)
    left, right = completion(chosen, layout.chosen), completion(rejected, layout.rejected)
    if left.raw.strip() == right.raw.strip():
        raise BadRow(f"{layout.chosen!r} and {layout.rejected!r} are the same text")
    if (strength := row.get("strength", 1)) not in (1, 2, 3, "1", "2", "3") or isinstance(
        strength, bool
    ):
        raise BadRow(f"'strength' is {strength!r} instead of 1, 2 or 3")
    preference = Preference(Choice.LEFT, int(strength))
    label = GivenLabel(preference, rationale=optional_text(row, "rationale"))
    return (JudgedPair(prompt, left, right, (label,)),)


def _parts(row: Mapping[str, Any], layout: PreferenceLayout) -> tuple[PromptText, str, str]:
    """Returns prompt, chosen and rejected text of any of the types."""
    for name in (layout.chosen, layout.rejected):
        if name not in row:
            text_of(row, name)
        if row[name] is None:
            raise BadRow(f"no {name!r}: it is empty")
    chosen, rejected = (as_list(row[name]) for name in (layout.chosen, layout.rejected))
    columns = layout.prompt
    if is_messages(chosen) or is_messages(rejected):
        return _conversational(row, chosen, rejected, layout)
    chosen, rejected = any_text(chosen, layout.chosen), any_text(rejected, layout.rejected)
    if transcripts.is_transcript(chosen):
        asked = row.get(columns.prompt)
        if columns.prompt in _ASKED and isinstance(asked, str) and not _holds(chosen, asked):
            raise BadRow(
                f"{layout.chosen!r} begins like a transcript, with Human:, and does not hold "
                f"{columns.prompt!r}; give the answers as messages, or leave {columns.prompt!r} out"
            )
        sides = transcripts.turns(chosen, "chosen"), transcripts.turns(rejected, "rejected")
        return _with_parts(shared(*sides), row, columns)
    if not columns.prompt:
        asked, *texts = implicit_prompt.split(chosen, rejected)
        return _with_parts((PromptText(asked), texts[0], texts[1]), row, columns)
    return prompt_columns.read(row, columns), chosen, rejected


def _holds(talk: str, asked: str) -> bool:
    """Returns whether a transcript holds the last turn of a prompt, which may be cut or in small
    letters."""
    last = [one for one in _SPEAKER.split(asked) if one.strip()][-1:]
    its, mine = (" ".join(re.findall(r"\w+", one.casefold())) for one in ("".join(last), talk))
    return its in mine


def as_list(value: Any) -> Any:
    """Returns one message as a list of it, any other value unchanged."""
    if isinstance(value, Mapping) and {"role", "from"} & set(value):
        return [value]
    return value


def _with_parts(
    found: tuple[PromptText, str, str], row: Mapping[str, Any], columns: PromptColumns
) -> tuple[PromptText, str, str]:
    prompt = prompt_columns.with_parts(found[0], row, columns)
    return prompt, found[1], found[2]


def _conversational(
    row: Mapping[str, Any], left: Any, right: Any, layout: PreferenceLayout
) -> tuple[PromptText, str, str]:
    chosen, rejected = messages(left, layout.chosen), messages(right, layout.rejected)
    columns = layout.prompt
    if not columns.prompt or (len(chosen) > 1 and len(rejected) > 1):
        return whole(row, (chosen, rejected), columns, layout.chosen)
    prompt = prompt_columns.read(row, columns)
    return prompt, answer_of(chosen, layout.chosen), answer_of(rejected, layout.rejected)


def whole(
    row: Mapping[str, Any], talks: Sequence[Sequence[Message]], columns: PromptColumns, name: str
) -> tuple[PromptText, str, str]:
    """Splits two conversations, and puts before them what a prompt beside them has more.

    `name` is that of the first one's column. Raises `BadRow` for a prompt of turns that neither
    conversation holds or goes on from; a text may say the same in the words of a template.
    """
    asked = prompt_columns.turns(row, columns, {turn.content.strip() for turn in talks[0]})
    named = columns.prompt or columns.history, name
    is_text = isinstance(row.get(columns.prompt), str) or columns.prompt == "messages"
    try:
        earlier = continued.before(asked, talks, named) if asked else ()
    except BadRow:
        if not is_text:
            raise
        earlier = ()
    mine, other = ((*earlier, *talk) for talk in talks)
    return _with_parts(shared(mine, other), row, columns._replace(history=""))


def shared(chosen: Sequence[Message], rejected: Sequence[Message]) -> tuple[PromptText, str, str]:
    """Splits an implicit prompt, the common beginning, from the one answer of each."""
    name = "the part that chosen and rejected share"
    chosen, rejected = (
        (*without_thoughts(turns[:-1], name), *turns[-1:]) for turns in (chosen, rejected)
    )
    n_shared = 0
    for mine, other in zip(chosen, rejected, strict=False):
        if mine != other:
            break
        n_shared += 1
    if n_shared == len(chosen) == len(rejected):
        raise BadRow("'chosen' and 'rejected' are the same conversation")
    if len(chosen) != n_shared + 1 or len(rejected) != n_shared + 1:
        raise Parted("'chosen' and 'rejected' part before the last answer")
    if (
        chosen[-1].role is not MessageRole.ASSISTANT
        or rejected[-1].role is not MessageRole.ASSISTANT
    ):
        raise BadRow("'chosen' and 'rejected' do not both end with an answer of the assistant")
    prompt = prompt_of(chosen[:n_shared], name)
    return prompt, chosen[-1].content, rejected[-1].content
