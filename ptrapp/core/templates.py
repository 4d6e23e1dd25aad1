"""Reads how a chat template opens an answer and ends a turn off what it renders.

What the text of a template mentions says little: many mention `<think>` only to strip it from
earlier turns. What stands in the generation prompt is what the model sees.
"""

from collections.abc import Mapping
from dataclasses import replace

from jinja2 import TemplateError

from ptrapp.core.dialogue import ChatTokenizer
from ptrapp.core.thoughts import GENERIC, THINK, TINY, ThoughtFormat

_QUESTION = "What is 1 + 1?"
_ANSWER = "It is 2, as everybody knows."


def find_format(tokenizer: ChatTokenizer) -> ThoughtFormat:
    """Returns the thought format of a chat template, by the generation prompt of both modes.

    A template that opens `<think>` in both modes (R1 kinds) or by the switch `enable_thinking`
    (Qwen3 kinds) has the format `think` with what it writes as prefill. One that writes no marker
    is asked for a thought in words.
    """
    openings = {mode: answer_opening(tokenizer, mode) for mode in (True, False)}
    if openings[True].endswith(TINY.prefill_thinking) and openings[False].endswith(
        TINY.prefill_direct
    ):
        return TINY
    thinking, direct = (_from_marker(openings[mode]) for mode in (True, False))
    if not thinking and not direct:
        return GENERIC
    return replace(
        THINK,
        prefill_thinking=thinking,
        prefill_direct=direct,
        model_opens=not thinking,
        followed=True,
    )


def answer_opening(tokenizer: ChatTokenizer, thinking: bool) -> str:
    """Returns what the template writes between a user's question and the model's first token.

    It is empty for a template that refuses a lone question.
    """
    try:
        rendered = _render(tokenizer, [{"role": "user", "content": _QUESTION}], True, thinking)
    except TemplateError:
        return ""
    return rendered.rpartition(_QUESTION)[2]


def end_of_turn(tokenizer: ChatTokenizer) -> str:
    """Returns what the template writes after an answer; empty where it cannot be told."""
    turns = [{"role": "user", "content": _QUESTION}, {"role": "assistant", "content": _ANSWER}]
    try:
        rendered = _render(tokenizer, turns, False, True)
    except TemplateError:
        return ""
    return rendered.rpartition(_ANSWER)[2]


def _from_marker(opening: str) -> str:
    """Returns the opening from the thought marker on, "" without one."""
    _, marker, rest = opening.partition(THINK.thought_marker)
    return marker + rest


def _render(
    tokenizer: ChatTokenizer,
    turns: list[Mapping[str, str]] | list[dict[str, str]],
    generation_prompt: bool,
    thinking: bool,
) -> str:
    return str(
        tokenizer.apply_chat_template(
            [dict(turn) for turn in turns],
            tokenize=False,
            add_generation_prompt=generation_prompt,
            enable_thinking=thinking,
        )
    )
