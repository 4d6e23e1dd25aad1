"""Defines the constraints that a program can check in a response, kind by kind.

Kinds are named after IFEval's (arXiv 2311.07911), from which most of them are taken.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_SENTENCE_END = re.compile(r"[.!?]+[\"”’')*]*(?=\s|$)")
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|a\.m|p\.m|P\.S|P\.P\.S|Mr|Mrs|Ms|Dr|St|etc)\.")
_NUMBER = re.compile(r"\d")
_BULLET = re.compile(r"^\s*[*•-]\s+\S", re.MULTILINE)
_NUMBERED = re.compile(r"^\s*\d+[.)]\s+\S", re.MULTILINE)
_LIST_MARK = re.compile(r"^\s*(?:[*•-]|\d+[.)])\s+", re.MULTILINE)
_TITLE = re.compile(r"<<[^<>\n]*\w[^<>\n]*>>")
_POSTSCRIPT = re.compile(r"^\s*P\.\s?S\.", re.MULTILINE)
_QUOTES = {'"': '"', "“": "”"}
_FENCE = re.compile(r"```(?:json)?\s*\n(.*)\n\s*```", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Constraint:
    """One thing that is asked of a response's form."""

    kind: str
    n: int = 0
    """The number it is about; 0 where it is about none."""
    words: tuple[str, ...] = ()
    """The words, or the one phrase, that it is about."""

    def kept(self, response: str) -> bool:
        """Returns whether `response` keeps it; an empty response keeps nothing."""
        text = response.strip()
        return bool(text) and KINDS[self.kind].check(text, self)

    def in_words(self) -> str:
        """Returns the constraint in a few words.

        >>> Constraint("keywords", words=("sun", "rain")).in_words()
        'has the words "sun" and "rain"'
        """
        return self._filled(KINDS[self.kind].words)

    def asked(self, way: int) -> str:
        """Returns the sentence that asks for it; `way` chooses among the kind's phrasings."""
        phrasings = KINDS[self.kind].phrasings
        return self._filled(phrasings[way % len(phrasings)])

    def _filled(self, template: str) -> str:
        noun = "word" if len(self.words) == 1 else "words"
        words = quoted(self.words)
        return template.format(n=self.n, words=words, the_words=f"the {noun} {words}")


@dataclass(frozen=True, slots=True)
class ConstraintKind:
    """How one kind of constraint is checked, told and asked for."""

    check: Callable[[str, Constraint], bool]
    words: str
    """A kept constraint in a few words."""
    phrasings: tuple[str, ...]

    @property
    def has_words(self) -> bool:
        """Returns whether it is about words."""
        return "words}" in self.words


def words_of(text: str) -> list[str]:
    """Returns the words of a text as they are written.

    >>> words_of("Well-made, isn't it? 3 - 1")
    ['Well-made', "isn't", 'it', '3', '1']
    """
    return _WORD.findall(text)


def sentences_of(text: str) -> list[str]:
    """Returns the sentences and lines of a text that hold a word; marks of lists are no sentences.

    >>> sentences_of("1. It rains, e.g. here. Run!\\n2. Stay")
    ['It rains, eg here', 'Run', 'Stay']
    """
    plain = _ABBREVIATION.sub(lambda found: found.group().replace(".", ""), text)
    lines = _LIST_MARK.sub("", plain).splitlines()
    parts = [part.strip() for line in lines for part in _SENTENCE_END.split(line)]
    return [part for part in parts if words_of(part)]


def quoted(words: Sequence[str]) -> str:
    """Joins words to `"one", "two" and "three"`."""
    *first, last = [f'"{word}"' for word in words] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def count_of(text: str, word: str) -> int:
    """Returns how often a text has a word, in any case."""
    return [one.casefold() for one in words_of(text)].count(word.casefold())


def bare(text: str) -> str:
    """Returns the words of a text in lower case, for phrases whose punctuation may differ."""
    return " ".join(words_of(text.casefold()))


def _is_quoted(text: str) -> bool:
    close = _QUOTES.get(text[0])
    return len(text) > 2 and close is not None and text.endswith(close)


def _is_json(text: str) -> bool:
    fenced = _FENCE.fullmatch(text)
    try:
        return isinstance(json.loads(fenced.group(1) if fenced else text), dict | list)
    except (ValueError, RecursionError):
        return False


def paragraphs_of(text: str) -> list[str]:
    """Returns the paragraphs of a text that hold a word."""
    return [part for part in re.split(r"\n\s*\n", text) if words_of(part)]


def points_of(text: str, *, numbered: bool = False) -> list[str]:
    """Returns the bullet points of a text, or its numbered ones, by how they begin."""
    return (_NUMBERED if numbered else _BULLET).findall(text)


KINDS: dict[str, ConstraintKind] = {
    "words_at_most": ConstraintKind(
        lambda text, asked: len(words_of(text)) <= asked.n,
        "has at most {n} words",
        ("Use at most {n} words.", "Answer in no more than {n} words."),
    ),
    "words_at_least": ConstraintKind(
        lambda text, asked: len(words_of(text)) >= asked.n,
        "has at least {n} words",
        ("Use at least {n} words.", "Write at least {n} words."),
    ),
    "keywords": ConstraintKind(
        lambda text, asked: all(count_of(text, word) for word in asked.words),
        "has {the_words}",
        ("Use {the_words}.", "Your answer must contain {the_words}."),
    ),
    "forbidden_words": ConstraintKind(
        lambda text, asked: not any(count_of(text, word) for word in asked.words),
        "is without {the_words}",
        ("Do not use {the_words}.", "Your answer must not contain {the_words}."),
    ),
    "no_commas": ConstraintKind(
        lambda text, asked: "," not in text,
        "has no commas",
        ("Do not use any commas.", "Your answer must not contain commas."),
    ),
    "lowercase": ConstraintKind(
        lambda text, asked: text == text.lower() and text != text.upper(),
        "is all in lowercase letters",
        ("Use only lowercase letters.", "Write everything in lowercase, without capital letters."),
    ),
    "bullets": ConstraintKind(
        lambda text, asked: len(points_of(text)) == asked.n,
        "has exactly {n} bullet points",
        (
            "Use exactly {n} bullet points that begin with *.",
            "Answer with exactly {n} bullet points, each on a line that begins with *.",
        ),
    ),
    "one_sentence": ConstraintKind(
        lambda text, asked: len(sentences_of(text)) == 1,
        "is one sentence",
        ("Answer in one sentence.", "Write exactly one sentence."),
    ),
    "quotation": ConstraintKind(
        lambda text, asked: _is_quoted(text),
        "is in double quotation marks",
        (
            "Put your whole answer in double quotation marks.",
            "Wrap your entire answer in double quotation marks.",
        ),
    ),
    "last_words": ConstraintKind(
        lambda text, asked: f" {bare(text)}".endswith(f" {bare(asked.words[0])}"),
        "ends with {words}",
        ("End your answer with {words}", "The last words of your answer must be {words}"),
    ),
    "question": ConstraintKind(
        lambda text, asked: text.rstrip("\"”’'").endswith("?"),
        "ends with a question",
        ("End with a question.", "The last sentence must be a question."),
    ),
    "number": ConstraintKind(
        lambda text, asked: _NUMBER.search(_LIST_MARK.sub("", text)) is not None,
        "has a number in digits",
        ("Include a number written in digits.", "Mention at least one number, in digits."),
    ),
    "keyword_times": ConstraintKind(
        lambda text, asked: count_of(text, asked.words[0]) >= asked.n,
        "has the word {words} at least {n} times",
        ("Use the word {words} at least {n} times.", "Say {words} at least {n} times."),
    ),
    "sentences": ConstraintKind(
        lambda text, asked: len(sentences_of(text)) == asked.n,
        "has exactly {n} sentences",
        ("Write exactly {n} sentences.", "Your answer must have exactly {n} sentences."),
    ),
    "paragraphs": ConstraintKind(
        lambda text, asked: len(paragraphs_of(text)) == asked.n,
        "has exactly {n} paragraphs",
        ("Write exactly {n} paragraphs with an empty line between them.",),
    ),
    "title": ConstraintKind(
        lambda text, asked: _TITLE.search(text) is not None,
        "has a title in << >>",
        ("Give your answer a title in double angle brackets, such as <<my title>>.",),
    ),
    "postscript": ConstraintKind(
        lambda text, asked: _POSTSCRIPT.search(text) is not None,
        "has a postscript (P.S.)",
        ("Add a postscript that begins with P.S.", "Close with a postscript starting with P.S."),
    ),
    "first_words": ConstraintKind(
        lambda text, asked: f"{bare(text)} ".startswith(f"{bare(asked.words[0])} "),
        "begins with {words}",
        ("Begin your answer with {words}", "The first words of your answer must be {words}"),
    ),
    "uppercase": ConstraintKind(
        lambda text, asked: text == text.upper() and text != text.lower(),
        "is all in capital letters",
        ("Use only capital letters.", "Write everything in capital letters."),
    ),
    "numbered": ConstraintKind(
        lambda text, asked: len(points_of(text, numbered=True)) == asked.n,
        "has exactly {n} numbered points",
        ("Answer with a numbered list of exactly {n} points.",),
    ),
    "json": ConstraintKind(
        lambda text, asked: _is_json(text),
        "is JSON",
        ("Give the whole answer as JSON.", "Your entire answer must be valid JSON."),
    ),
}
