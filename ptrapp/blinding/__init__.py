"""Masks the name that a response gives its author, so that votes stay blind.

The idea is FastChat's: LMSYS kept a list of what models call themselves and dropped such votes
(`monitor/clean_battle_data.py`); here the name alone becomes ▢, so that the vote counts and the
sentence stays readable. Only what a model says of itself is masked: an opening such as "I am",
"my name is", "As", and then only words that may come between it and a name. "Compare ChatGPT and
Claude" and "I use Gemini" stay.

Limits: English only; names outside the lists stay unless the caller gives them; a name that is
spelled out, hinted at or far from its "I" stays ("I cannot say who I am, but it rhymes with bod");
a speaker label at the start of a line stays; a role-played person named Claude may be masked.
A style is no name: a reader who knows a model's manner is not blinded by this.
"""

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import NamedTuple

from ptrapp.blinding.words import AMBIGUOUS_MODELS, MAKERS, MODELS, NOUNS, OPENINGS, SMALL, VERBS

MASK = "▢"

_BETWEEN = r"""[\s,:()*_"“”'‘’–—-]{1,6}"""

_GOES_ON = re.compile(r"""[\s,*_"”]{0,6}(?:I|my|me|it|there|we)\b""", re.IGNORECASE)
"""What follows "As Gemini," if it speaks of itself."""
_GOES_ON_LATER = re.compile(r"[^.!?\n]{0,160}?[\s,](?:I|my|me)\b", re.IGNORECASE)
"""What follows "As a model made by …", where "I" may come later."""

_VERSION = re.compile(r"(?<![\w-])[a-z][a-z_]*-\d{6}(?![\w-])")
"""Names of versions, dpo-000012: ordinary text holds none, so they are masked anywhere."""

_ME = re.compile(r"\sme(?!\w)")
"""The end of "Claude created me": without it no word has to be looked at for a name."""

_SENTENCE = re.compile(r"[^.!?\n]{0,200}")
_ARTICLE = re.compile(r"(?<!\w)(?:an?|the)[\s*_\"“]{1,3}$", re.IGNORECASE)
_CAPITAL = re.compile(r"\s[A-Z][a-z]")
_WORD = re.compile(r"[\s*_\"”-]{1,3}\w")
_POSSESSIVE = re.compile(r"['’]s\b")
_MAKER_OF = re.compile(
    r"(?:\(|(?:\b(?:by|at|from|of)|creators?|developers?|makers?|trainers?)[\s,:*_\"“]{1,4}(?:the\s)?)$",
    re.IGNORECASE,
)
_MODEL_NOUN = re.compile(rf"[\s*_\"”,-]{{0,3}}(?:{NOUNS})\b", re.IGNORECASE | re.VERBOSE)
_IS_A_MODEL = re.compile(rf"(?<!\w)(?:{NOUNS})(?!\w)", re.IGNORECASE | re.VERBOSE)

_ORDINARY = frozenset({"assistant", "base", "default", "latest", "local", "main", "model", "test"})
"""Served names that are ordinary words."""

_SHORT = 8_000
"""Characters; nearly every response is shorter. Longer ones are not cached."""


def scrub(text: str, names: Collection[str] = ()) -> str:
    """Returns the text with the author's names masked; `names` are those of the served models.

    Invisible characters inside a name would hide it: pass `visible` text (ptrapp.rendering).

    >>> scrub("I'm Claude, made by Anthropic. Claude Monet painted.")
    "I'm ▢, made by ▢. Claude Monet painted."
    """
    return (_short if len(text) <= _SHORT else _scrubbed)(text, frozenset(names))


def _scrubbed(text: str, ours: frozenset[str]) -> str:
    grammar = _grammar(frozenset(name for name in ours if _is_served_name(name)))
    spans = [span for match in grammar.claim.finditer(text) for span in _claimed(grammar, match)]
    if _ME.search(text):
        spans += [match.span(1) for match in grammar.about_me.finditer(text)]
    spans += [match.span() for match in _VERSION.finditer(text) if match[0] in ours]
    pieces, done = [], 0
    for start, end in sorted(spans):
        if start >= done:
            pieces += [text[done:start], MASK]
            done = end
    return "".join([*pieces, text[done:]])


_short = lru_cache(2_048)(_scrubbed)
"""Several people read the same response, and the same person a pair that is undone."""


class _Grammar(NamedTuple):
    """The patterns for one set of served names."""

    claim: re.Pattern[str]
    """An opening and every word after it that may lead to a name, without backtracking."""
    name: re.Pattern[str]
    evidence: re.Pattern[str]
    """Words by which a company in a claim is the maker of the model, and not an employer."""
    made_by: re.Pattern[str]
    about_me: re.Pattern[str]


@lru_cache(64)
def _grammar(served: frozenset[str]) -> _Grammar:
    own = "".join(rf"{re.escape(name)}|" for name in sorted(served, key=len, reverse=True))
    model = rf"(?i:{own}{MODELS})"
    name = rf"(?:(?P<model>{model})|(?P<word>{AMBIGUOUS_MODELS})|(?P<maker>(?i:{MAKERS})))(?!\w)"
    plain = re.sub(r"\?P<\w+>", "?:", name)
    words = rf"(?:{plain}(?:['’]s)?|(?i:{NOUNS}|{VERBS}|{SMALL})(?!\w))"

    def compiled(pattern: str) -> re.Pattern[str]:
        return re.compile(pattern, re.VERBOSE)

    return _Grammar(
        claim=compiled(rf"(?P<opening>(?i:{OPENINGS}))(?:{_BETWEEN}{words}){{1,40}}+"),
        name=compiled(rf"(?<!\w){name}"),
        evidence=compiled(rf"(?<!\w)(?:{model}|{AMBIGUOUS_MODELS}|(?i:{NOUNS}|{VERBS}))(?!\w)"),
        made_by=compiled(rf"(?<!\w)by\s(?:\w{{1,20}}\s){{0,4}}(?P<maker>(?i:{MAKERS}))(?!\w)"),
        about_me=compiled(
            rf"(?<!\w)({plain})(?:,[^,.\n]{{1,40}},)?\s(?:has\s|have\s)?(?i:{VERBS})\sme(?!\w)"
        ),
    )


def _claimed(grammar: _Grammar, claim: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Yields the spans of names in a claim, and of a maker named later in its sentence."""
    text, (start, end) = claim.string, claim.span()
    is_a_model = _IS_A_MODEL.search(text, start, end) is not None
    if claim["opening"].lower() == "as":
        goes_on = _GOES_ON_LATER if is_a_model else _GOES_ON
        if not goes_on.match(text, end):
            return
    my_makers = claim["opening"][:2].lower() == "my"
    evidence = my_makers or grammar.evidence.search(text, start, end) is not None
    for name in grammar.name.finditer(text, start, end):
        if (evidence and _is_maker(name)) if name["maker"] else _is_name(name):
            yield name.span()
    if is_a_model and (sentence := _SENTENCE.match(text, end)):
        for maker in grammar.made_by.finditer(text, end, sentence.end()):
            yield maker.span("maker")


def _is_name(name: re.Match[str]) -> bool:
    """Returns whether a match is the author's name, unlike in `a Gemini`, `a ChatGPT expert`,
    `Claude Monet` and `Claude's friend`."""
    before = name.string[max(0, name.start() - 8) : name.start()]
    after = name.string[name.end() : name.end() + 40]
    if _POSSESSIVE.match(after):
        return False
    if _ARTICLE.search(before):
        return bool(_MODEL_NOUN.match(after)) or not (name["word"] or _WORD.match(after))
    return not (name["word"] and _CAPITAL.match(after))


def _is_maker(name: re.Match[str]) -> bool:
    before = name.string[max(0, name.start() - 24) : name.start()]
    return bool(_MAKER_OF.search(before) or _POSSESSIVE.match(name.string, name.end()))


def _is_served_name(name: str) -> bool:
    return bool(name) and name.lower() not in _ORDINARY and not _VERSION.fullmatch(name)
