"""Defines thought formats and splits a raw completion into thought and response.

A format says how a model is asked to think first and which markers separate the two parts (TPO,
arXiv 2410.10630, section 2.2). The split is total: any text, partial text included, has one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ptrapp.core.types import Split


class Thinking(StrEnum):
    """When the model is asked to think before it responds."""

    ALWAYS = "always"
    LATER = "later"
    """Round 1 answers directly, every later round thinks: the setting of PTR's results."""
    NEVER = "never"

    def at(self, round_index: int) -> bool:
        """Returns whether round `round_index` (from 0) thinks."""
        return self is Thinking.ALWAYS or (self is Thinking.LATER and round_index > 0)


@dataclass(frozen=True, slots=True)
class ThoughtFormat:
    """How a family of models is asked for a thought, and how it marks the thought."""

    name: str
    thought_marker: str
    """Text that opens the thought; it may be missing from the completion when it was prefilled."""
    response_marker: str
    """Text that ends the thought. What follows is the response."""
    user_template: str = "{query}"
    """The first user turn when thinking is asked for."""
    system: str | None = None
    """System message that asks for thinking, where the format uses one."""
    prefill_thinking: str = ""
    """Text that the chat template itself writes at the start of the answer when thinking."""
    prefill_direct: str = ""
    """The same for a direct answer."""
    single_response_marker: bool = False
    """Several response markers are a parse failure (`<R>` in TPO's *specific* prompt)."""
    model_opens: bool = False
    """The model writes the thought marker itself: a completion without it is an answer."""
    enforced: bool = True
    """Whether a model that does not write the format is held to it, unless a request says
    otherwise."""
    followed: bool | None = field(default=None, compare=False)
    """Whether the model writes the format by itself: because its template does, or as one answer
    showed when it was loaded. None where that is not known."""

    @property
    def opening(self) -> str:
        """What is put at the start of an enforced thought, where no template has put it."""
        if self.prefill_thinking:
            return ""
        return f"{self.thought_marker}\n" if self.name == THINK.name else self.thought_marker

    @property
    def closing(self) -> str:
        """What ends an enforced thought that the model does not end."""
        match self.name:
            case THINK.name:
                return f"\n{self.response_marker}\n\n"
            case TINY.name:
                return self.response_marker
            case _:
                return f"\n\n{self.response_marker}"

    def prefill(self, thinking: bool) -> str:
        return self.prefill_thinking if thinking else self.prefill_direct

    def usual_thinking(self, otherwise: Thinking) -> Thinking:
        """Returns when a model of this format thinks unless a person says so.

        One that does not write the format by itself is untrained in refining with thoughts, so it
        does so without.
        """
        return Thinking.NEVER if self.followed is False else otherwise

    def write(self, thought: str, response: str) -> str:
        """Returns thought and response as the policy would write them, the prefill included.

        Without a thought this is a direct answer. Where the chat template opens a thought in every
        mode (R1 kinds), a direct answer stands after a closed one.

        >>> TINY.write("1 + 1 = 2.", "It is 2."), TINY.write("", "It is 2.")
        ('<T> 1 + 1 = 2.<R> It is 2.', '<R> It is 2.')
        >>> THINK.write("1 + 1 = 2.", "It is 2.")
        '<think>\\n1 + 1 = 2.\\n</think>\\n\\nIt is 2.'
        """
        if self.name != THINK.name:
            if thought:
                return f"{self.thought_marker} {thought}{self.closing} {response}".strip()
            return f"{self.prefill_direct} {response}".strip()
        if thought:
            opening = self.prefill_thinking or f"{self.thought_marker}\n"
            return f"{opening}{thought}\n{self.response_marker}\n\n{response}"
        if self.prefill_direct and self.response_marker not in self.prefill_direct:
            return f"{self.prefill_direct}\n{self.response_marker}\n\n{response}"
        return f"{self.prefill_direct}{response}"

    def write_unthought(self, response: str) -> str:
        """Returns a response in the mode that thinks, after a thought that stays empty."""
        if self.name != THINK.name:
            return f"{self.response_marker} {response}".strip()
        opening = self.prefill_thinking or f"{self.thought_marker}\n"
        return f"{opening}\n{self.response_marker}\n\n{response}"


_GENERIC = (
    "Answer the user query below comprehensively and in detail. You may first write down your "
    "thought process. Put it after 'Here is my thought process:' and your response after "
    "'Here is my response:'."
)
_SPECIFIC = (
    "Answer the user query below comprehensively and in detail, but first write down your internal "
    "thoughts. They must contain a draft response and an evaluation of it. Then write your final "
    "response after '<R>'."
)

TINY = ThoughtFormat(
    "tiny",
    "<T>",
    "<R>",
    prefill_thinking="<T>",
    prefill_direct="<R>",
    single_response_marker=True,
    enforced=False,
    followed=True,
)
"""The bundled model's format: its chat template opens the answer with one of the two markers. It
was trained to write it, so a completion without it is a failure to learn from."""
THINK = ThoughtFormat("think", "<think>", "</think>")
"""The format of today's reasoning models."""
GENERIC = ThoughtFormat(
    "generic",
    "Here is my thought process:",
    "Here is my response:",
    user_template=_GENERIC + "\n\nUser query: {query}",
)
SPECIFIC = ThoughtFormat(
    "specific",
    "",
    "<R>",
    user_template=_SPECIFIC + "\n\nUser query: {query}",
    single_response_marker=True,
)
SYSTEM = ThoughtFormat(
    "system", "Here is my thought process:", "Here is my response:", system=_GENERIC
)

FORMATS = {fmt.name: fmt for fmt in (TINY, THINK, GENERIC, SPECIFIC, SYSTEM)}


def split(raw: str, fmt: ThoughtFormat, thinking: bool) -> Split:
    """Splits a raw completion.

    A direct completion is all response, unless the model wrote markers nevertheless. Without a
    response marker a thinking completion is all thought, because an unfinished thought is never
    shown as an answer; only a model that opens thoughts itself has answered when it opened none. A
    model that thinks in `<think>` although it was asked in another format is read as it wrote.

    >>> split("<T> 2 and 2 is 4.<R> The answer is 4.", TINY, thinking=True)
    Split(thought='2 and 2 is 4.', response='The answer is 4.', well_formed=True)
    """
    text = raw.lstrip()
    if text.startswith(THINK.thought_marker):
        fmt = THINK
    head, marker, tail = text.partition(fmt.response_marker)
    if not marker:
        opened = bool(fmt.thought_marker) and text.startswith(fmt.thought_marker)
        if opened or (thinking and not fmt.model_opens):
            return Split(_body(text, fmt), "", False)
        return Split("", text.strip(), bool(text.strip()) and not thinking)
    response = tail.strip()
    doubled = fmt.single_response_marker and fmt.response_marker in tail
    thought = _body(head, fmt)
    well_formed = bool(response) and not doubled and (bool(thought) or not thinking)
    return Split(thought, response, well_formed)


def split_partial(raw: str, fmt: ThoughtFormat, thinking: bool, stop: Sequence[str] = ()) -> Split:
    """Splits a partial completion; a possible start of a marker or `stop` string is held back."""
    safe = _without_beginning_of(
        (fmt.response_marker, fmt.thought_marker), _without_beginning_of(stop, raw)
    )
    return split(safe, fmt, thinking)


def _body(text: str, fmt: ThoughtFormat) -> str:
    head, marker, tail = text.partition(fmt.thought_marker) if fmt.thought_marker else ("", "", "")
    return (tail if marker and not head.strip() else text).strip()


def _without_beginning_of(strings: Sequence[str], raw: str) -> str:
    """Removes the longest end of `raw` that is a beginning of one of `strings`."""
    sizes = [size for text in strings for size in range(1, len(text)) if raw.endswith(text[:size])]
    return raw[: len(raw) - max(sizes, default=0)]
