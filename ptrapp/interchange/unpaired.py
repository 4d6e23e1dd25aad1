"""Parses unpaired preferences (KTO): a completion, or a conversation, and whether it is good.

TRL's `prompt`, `completion`, `label` (https://huggingface.co/docs/trl/dataset_formats), the same
with the conversation in `messages`, and LLaMA-Factory's `kto_tag`
(https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ptrapp.core.errors import BadRow
from ptrapp.interchange import prompt_columns
from ptrapp.interchange.conversation import answer_of, is_messages, messages, prompt_of
from ptrapp.interchange.profile import Profile
from ptrapp.interchange.prompt_columns import PromptColumns
from ptrapp.interchange.records import Found, PromptText, Rated, ReadPlan
from ptrapp.interchange.thoughts import completion
from ptrapp.interchange.values import names

_LABELS = ("label", "kto_tag", "is_desirable", "desirable")
_COMPLETIONS = ("completion", "response", "answer", "output")
_CONVERSATIONS = ("messages", "conversations", "conversation")
_WORDS = {
    "true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False,
}  # fmt: skip
"""A label as text in a CSV."""


class UnpairedLayout(NamedTuple):
    prompt: PromptColumns
    completion: str
    """Column of the completion; "" where it ends the conversation in the prompt's column."""
    label: str


def decide(profile: Profile) -> UnpairedLayout | None:
    """Returns the columns of a file of labelled completions, None where it is none."""
    label = next((name for name in _LABELS if name in profile.columns), None)
    if label is None:
        return None
    written = next((name for name in _COMPLETIONS if name in profile.filled), "")
    prompt = prompt_columns.decide(profile, (label, written))
    if written and prompt.prompt:
        is_label = label != "label" or written == "completion" or _is_boolean(profile, label)
        return UnpairedLayout(prompt, written, label) if is_label else None
    talk = next((name for name in _CONVERSATIONS if name in profile.filled), "")
    if not talk or not (label != "label" or _is_boolean(profile, label)):
        return None
    return UnpairedLayout(prompt._replace(prompt=talk, input="", history=""), "", label)


def plan(profile: Profile) -> ReadPlan:
    """Decides how a file is read. Raises `BadRow`."""
    layout = decide(profile) or UnpairedLayout(PromptColumns("prompt"), "completion", "label")
    used = (*layout.prompt.used, layout.completion, layout.label)
    said = f"where {layout.label} is true or 1 the answer is a good one, else a bad one"
    return ReadPlan(lambda row: Found(parse(row, layout)), tuple(filter(None, used)), (said,))


def parse(row: Mapping[str, Any], layout: UnpairedLayout | None = None) -> tuple[Rated, ...]:
    """Parses one labelled completion. Raises `BadRow`."""
    layout = layout or UnpairedLayout(PromptColumns("prompt"), "completion", "label")
    for name in (layout.prompt.prompt, layout.completion, layout.label):
        if name and name not in row:
            raise BadRow(f"no {name!r} (it has {names(row)})")
    good = _label(row[layout.label], layout.label)
    if not layout.completion:
        return (_ended(row, layout, good),)
    answer = row[layout.completion]
    if is_messages(answer):
        answer = answer_of(messages(answer, layout.completion), layout.completion)
    prompt = prompt_columns.read(row, layout.prompt)
    return (Rated(prompt, completion(answer, layout.completion), good),)


def _ended(row: Mapping[str, Any], layout: UnpairedLayout, good: bool) -> Rated:
    """Reads a conversation whose last answer is the labelled one."""
    name = layout.prompt.prompt
    turns = messages(row[name], name)
    answer = answer_of(turns[-1:], f"the last turn of {name}")
    prompt: PromptText = prompt_columns.with_parts(prompt_of(turns[:-1], name), row, layout.prompt)
    return Rated(prompt, completion(answer, name), good)


def _is_boolean(profile: Profile, label: str) -> bool:
    return bool(profile.columns[label].values) and all(
        value.lower() in _WORDS for value in profile.columns[label].values
    )


def _label(value: Any, name: str) -> bool:
    if isinstance(value, str):
        value = _WORDS.get(value.strip().lower(), value)
    if value not in (True, False):
        raise BadRow(f"{name!r} is {str(value)[:40]!r} instead of true or false")
    return bool(value)
