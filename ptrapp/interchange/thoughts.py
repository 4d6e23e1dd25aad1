"""Splits the thought off a completion of another program, so that it stays hidden."""

import re

from ptrapp.core import thoughts
from ptrapp.core.errors import BadRow
from ptrapp.core.thoughts import GENERIC, THINK, TINY
from ptrapp.core.types import Split
from ptrapp.interchange import harmony
from ptrapp.interchange.records import CompletionText
from ptrapp.interchange.thought_marks import (
    Marks,
    closing_of,
    lone_closing,
    marks,
    openings,
    stands_first,
)
from ptrapp.interchange.values import text

_APRIEL = Marks(
    re.compile("Here are my reasoning steps:"),
    re.compile(r"\[BEGIN FINAL RESPONSE\]"),
    "[begin final response]",
    False,
)
_ANSWERS = re.compile(r"(?<![`'\"\u201c])\[BEGIN FINAL RESPONSE\](?![`'\"\u201d])")
"""What begins Apriel's answer; without it, or with a mention of it alone, its reasoning steps are
an answer of their own."""
_KNOWN = (
    marks(THINK.thought_marker, THINK.response_marker),
    marks("<seed:think>", "</seed:think>"),
    marks("[THINK]", "[/THINK]", in_capitals=True),
    marks("<|begin_of_thought|>", "<|end_of_thought|>"),
    marks("<|START_THINKING|>", "<|END_THINKING|>"),
    marks("\u25c1think\u25b7", "\u25c1/think\u25b7"),
    _APRIEL,
    marks("<thinking>", "</thinking>", is_word=True),
    marks("<thought>", "</thought>", is_word=True),
    marks("<reasoning>", "</reasoning>", is_word=True),
    Marks(
        re.compile(r'<details type="reasoning"[^>]*>'), re.compile("</details>"), "</details>", True
    ),
)
"""R1 and its like, Seed-OSS, Magistral, OpenThoughts, Command A, Kimi, Apriel, what many prompts
ask for, and what Open WebUI writes."""
_FRAMES = (
    ("<|begin_of_solution|>", "<|end_of_solution|>"),
    ("<|START_RESPONSE|>", "<|END_RESPONSE|>"),
)
"""In which OpenThoughts and Command A put the response."""
_APRIEL_ENDS = "[END FINAL RESPONSE]"
_OURS = (TINY.thought_marker, TINY.response_marker, GENERIC.thought_marker)
_IN_MARKS = ("</", "[/", "<|", "\u25c1/", "[BEGIN")
"""What every closing mark has: most texts have none of it."""


def completion(value: str, name: str) -> CompletionText:
    """Returns a completion of a foreign file with its thought apart.

    Raises `BadRow` for a thought without a response, which leaves nothing to show.

    >>> completion("<think>2 and 2.</think>4.", "chosen").response
    '4.'
    """
    raw = text(value, name)
    split = divided(raw, name)
    if split is None:
        return CompletionText(raw, "", _without_ends(raw), thinking=False)
    start = raw.lstrip()
    if not split.thought and not start.startswith(_OURS):
        # <think></think>, as Qwen3 writes where it does not think: an answer without a thought
        return CompletionText(split.response, "", split.response, thinking=False)
    thinking = not start.startswith(TINY.response_marker)
    return CompletionText(raw, split.thought, split.response, thinking, split.well_formed)


def _without_ends(raw: str) -> str:
    """Returns a text without what is blank around it; the first line of code stays indented.

    One space before a text is how some tokenizers begin it.

    >>> _without_ends(" Yes. "), _without_ends("\\n    a = 1\\n")
    ('Yes.', '    a = 1')
    """
    said = raw.strip()
    before = raw[: len(raw) - len(raw.lstrip())]
    indent = before[before.rfind("\n") + 1 :]
    is_code = "\t" in indent or indent.startswith("  ")
    return indent + said if said and is_code and not indent.strip(" \t") else said


def response_of(raw: str, name: str) -> str:
    """Returns what somebody said without the thought, unchanged where there is none."""
    split = divided(raw, name)
    return raw if split is None else split.response


def divided(raw: str, name: str) -> Split | None:
    """Returns thought and response of a text, None where it has no thought. Raises `BadRow`."""
    split = _by_format(raw, name)
    if split is not None and not split.response:
        raise BadRow(f"{name!r} is a thought without a response")
    return split


def _by_format(raw: str, name: str) -> Split | None:
    """Returns the parts by the format whose marks the text has.

    A closing mark alone is enough where it is certain: the templates of today's models write the
    opening one themselves. A lone `<R>` is not: it is as often a type parameter.
    """
    start = raw.lstrip()
    if start.startswith((TINY.thought_marker, TINY.response_marker)):
        thinking = not start.startswith(TINY.response_marker)
        return thoughts.split(raw, TINY, thinking) if TINY.response_marker in raw else None
    if start.startswith(GENERIC.thought_marker):
        return thoughts.split(raw, GENERIC, True)
    if split := harmony.divided(raw, name):
        return split
    opening = next((one for one in _KNOWN if one.opening.match(start)), None)
    if opening is _APRIEL and not _ANSWERS.search(raw):
        opening = None
    if opening is not None and (not opening.is_word or _begins(start, opening)):
        return _split(raw, len(raw) - len(start), [], opening, name)
    lowered = raw.lower() if any(one in raw for one in _IN_MARKS) else ""
    for known in _KNOWN:
        if known.is_word or known.ends not in lowered:
            continue  # elements that a document may have too are no thought but at its beginning
        if known is _APRIEL and _goes_on(raw):
            continue
        if closing := lone_closing(raw, known):
            return _split(raw, closing.end(), [raw[: closing.start()]], known, name)
        _refuse_inside(raw, known, name)
    return None


def _goes_on(raw: str) -> bool:
    """Returns whether more follows what Apriel ends its answer with, as where it is explained."""
    _, end, rest = raw.rpartition(_APRIEL_ENDS)
    return bool(end) and bool(rest.replace("<|end|>", "").strip())


def _begins(start: str, opening: Marks) -> bool:
    """Returns whether an element at the beginning of a text opens a thought, and is no mention."""
    begins = opening.opening.match(start)
    assert begins is not None
    rest = start[begins.end() :]
    return closing_of(start, begins.end(), opening) is not None or rest[:1] != " "


def _split(raw: str, at: int, found: list[str], known: Marks, name: str) -> Split:
    """Takes every thought from `at` on out of a text; `found` are those before."""
    said = []
    while (opening := _next_opening(raw, at, known, is_first=not found)) is not None:
        closing = closing_of(raw, opening.end(), known)
        if closing is None:
            if found:
                raise BadRow(f"{name!r} has another thought behind its first, which does not end")
            return Split(raw[opening.end() :].strip(), "", False)
        said.append(raw[at : opening.start()].strip())
        found.append(raw[opening.end() : closing.start()].strip())
        at = closing.end()
    said.append(raw[at:].strip())
    thought = "\n\n".join(filter(None, map(str.strip, found)))
    response = "\n\n".join(filter(None, said))
    for begin, end in _FRAMES:
        response = response.removeprefix(begin).removesuffix(end).strip()
    if known is _APRIEL:
        response = response.removesuffix("<|end|>").strip().removesuffix(_APRIEL_ENDS).strip()
    return Split(thought, response, bool(thought and response))


def _next_opening(raw: str, at: int, known: Marks, *, is_first: bool) -> re.Match[str] | None:
    """Returns what begins the next thought: the first one at `at`, others at a line's start."""
    if is_first:
        return known.opening.search(raw, at)
    ahead = (one for one in openings(raw, at, known) if stands_first(raw, one, at))
    return next(ahead, None)


def _refuse_inside(raw: str, known: Marks, name: str) -> None:
    """Refuses a text that has a thought at a line's start, though not at its beginning."""
    for opening in openings(raw, 0, known):
        if stands_first(raw, opening, 0) and closing_of(raw, opening.end(), known) is not None:
            raise BadRow(
                f"{name!r} has {opening[0]} in its middle, which may be a thought or the mention "
                "of one; put the thought first, or a mention into backticks"
            )
