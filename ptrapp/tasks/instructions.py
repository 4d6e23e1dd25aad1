"""Generates requests with constraints that a program can check, in sets of trained and new ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random
from typing import Generic, TypeVar

from ptrapp.tasks.constraints import KINDS, Constraint
from ptrapp.tasks.kept import Asked
from ptrapp.tasks.topics import requests

T = TypeVar("T")

INSTRUCTIONS = "instructions"
"""Topics and kinds of constraint that methods train on."""
HELD_OUT_TOPICS = "instructions_held_out"
"""Trained kinds of constraint on topics that no method trains on."""
NEW_KINDS = "instructions_new_kinds"
"""Kinds of constraint that no method trains on, on topics that none trains on."""

SETS = (INSTRUCTIONS, HELD_OUT_TOPICS, NEW_KINDS)
HELD_OUT_SETS = frozenset({HELD_OUT_TOPICS, NEW_KINDS})
"""Sets that only measure, and are never learnt from."""

_KEYWORDS = (
    *("always", "because", "careful", "every", "friend", "good", "happy", "important"),
    *("kind", "little", "morning", "often", "people", "quiet", "ready", "simple", "small", "time"),
    *("today", "together", "warm", "water", "work"),
)
_COMMON = ("also", "can", "first", "has", "it", "make", "many", "they", "with", "you", "your")
"""Words that an answer easily has: to do without them takes care."""
_CLOSINGS = ("I hope this helps.", "Thank you for asking.", "Have a good day.", "That is my view.")
_OPENINGS = ("Here is my answer:", "Good question.", "In my view", "Let me think.")

_DRAWS: dict[str, Callable[[Random], tuple[int, tuple[str, ...]]]] = {
    "words_at_most": lambda rng: (rng.choice((30, 40, 50, 60)), ()),
    "words_at_least": lambda rng: (rng.choice((30, 40, 50)), ()),
    "keywords": lambda rng: (0, tuple(rng.sample(_KEYWORDS, rng.choice((1, 1, 2))))),
    "forbidden_words": lambda rng: (0, tuple(rng.sample(_COMMON, rng.choice((1, 1, 2))))),
    "bullets": lambda rng: (rng.choice((3, 4)), ()),
    "last_words": lambda rng: (0, (rng.choice(_CLOSINGS),)),
    "keyword_times": lambda rng: (2, (rng.choice(_KEYWORDS),)),
    "sentences": lambda rng: (rng.choice((2, 3)), ()),
    "paragraphs": lambda rng: (2, ()),
    "first_words": lambda rng: (0, (rng.choice(_OPENINGS),)),
    "numbered": lambda rng: (rng.choice((3, 4, 5)), ()),
}
"""The number and the words of a constraint; other kinds have neither."""

NEW: frozenset[str] = frozenset(
    (
        *("keyword_times", "sentences", "paragraphs", "title", "postscript"),
        *("first_words", "uppercase", "numbered", "json"),
    )
)
"""Kinds of constraint held out from training."""
TRAINED: frozenset[str] = frozenset(KINDS) - NEW

_CONFLICTS: frozenset[frozenset[str]] = frozenset(
    frozenset(pair)
    for kind, others in {
        "one_sentence": ("bullets", "words_at_least", "last_words"),
        "words_at_most": ("words_at_least",),
        "quotation": ("bullets", "last_words", "question"),
        "bullets": ("last_words", "question", "words_at_most"),
        "question": ("last_words",),
        "forbidden_words": ("last_words",),
        "sentences": ("paragraphs", "postscript", "title", "numbered", "first_words", "json"),
        "json": ("paragraphs", "title", "postscript", "first_words", "uppercase", "numbered"),
        "numbered": ("paragraphs", "first_words"),
        "first_words": ("title",),
        "paragraphs": ("postscript", "title"),
    }.items()
    for pair in ((kind, other) for other in others)
)
"""Kinds that cannot be kept together, or where it is open what keeping both would be."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """A prompt with constraints, and the reference that its answers are checked against."""

    prompt: str
    kinds: tuple[str, ...]
    topic: str
    reference: str
    """See `kept.Asked.as_reference`."""


def instructions(
    n: int, *, name: str, seed: int, kinds: Sequence[str] | None = None
) -> list[Instruction]:
    """Draws at most `n` different prompts of a set, half of them with two constraints.

    Kinds, and pairs of kinds that go together, come in even shares; so do topics. `kinds` takes
    only some of the set's. The same arguments always give the same list, and more of it goes on
    the same way. Fewer than `n` are there only when the set is exhausted. Raises ValueError for an
    unknown set or kind.
    """
    if name not in SETS:
        raise ValueError(f"unknown set {name!r}: choose from {', '.join(SETS)}")
    known = NEW if name == NEW_KINDS else TRAINED
    chosen = sorted(known if kinds is None else set(kinds))
    if unknown := set(chosen) - known:
        raise ValueError(f"unknown kinds {sorted(unknown)}: choose from {', '.join(sorted(known))}")
    rng = Random(f"instructions/{name}/{seed}")
    pool = requests(held_out=name in HELD_OUT_SETS)
    alone = [(kind,) for kind in chosen]
    pairs = [pair for pair in combinations(chosen, 2) if frozenset(pair) not in _CONFLICTS] or alone
    deck_of_requests, decks = _Deck(pool, rng), (_Deck(alone, rng), _Deck(pairs, rng))
    found: dict[str, Instruction] = {}
    n_vain = 0
    while len(found) < n and n_vain < _MOST_VAIN:
        request = deck_of_requests.next()
        drawn = list(decks[len(found) % 2].next())
        rng.shuffle(drawn)
        constraints = tuple(Constraint(kind, *_DRAWS.get(kind, _nothing)(rng)) for kind in drawn)
        prompt = " ".join([request.text, *(each.asked(rng.randrange(4)) for each in constraints)])
        n_vain = n_vain + 1 if prompt in found else 0
        asked = Asked(prompt, constraints, request.least_words, request.topic)
        found.setdefault(
            prompt, Instruction(prompt, tuple(drawn), request.topic, asked.as_reference())
        )
    return list(found.values())


_MOST_VAIN = 10_000
"""So many prompts in a row that were there already mean that a set is exhausted."""


def _nothing(rng: Random) -> tuple[int, tuple[str, ...]]:
    return 0, ()


class _Deck(Generic[T]):
    """Deals all of its cards in a drawn order before any of them again."""

    def __init__(self, cards: Sequence[T], rng: Random) -> None:
        self._cards, self._rng = list(cards), rng
        self._left: list[T] = []

    def next(self) -> T:
        if not self._left:
            self._left = list(self._cards)
            self._rng.shuffle(self._left)
        return self._left.pop()
