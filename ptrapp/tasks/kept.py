"""Decides which constraints a response keeps: the one rule of verifier, evaluation and pairing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, NamedTuple

from ptrapp.core.errors import InputError
from ptrapp.tasks import substance
from ptrapp.tasks.constraints import KINDS, Constraint
from ptrapp.tasks.nearness import nearness

PREFIX = "constraints:"
"""Begins a reference answer that is no answer, but what any answer is asked to keep."""


class Kept(NamedTuple):
    """What a response keeps of what was asked."""

    n_kept: int
    n_asked: int
    broken: tuple[str, ...]
    """What it does not keep, in words; that it says nothing is among them."""
    n_kept_loose: int | None = None
    """Those kept by IFEval's loose reading; None where there is none."""
    nearness: float = 0.0
    """How near it comes to those not kept, in the mean; below 1. See `ptrapp.tasks.nearness`."""

    @property
    def score(self) -> float:
        """Share of the constraints kept; 0 for a response that says nothing."""
        return self.n_kept / self.n_asked

    @property
    def graded(self) -> float:
        """The score, and less than one constraint more for nearness.

        So a response that keeps more is always above one that keeps less. 0 for one that says
        nothing, 1 for one that keeps all.
        """
        return (self.n_kept + self.nearness) / self.n_asked


@dataclass(frozen=True, slots=True)
class Asked:
    """What a prompt asks of any answer."""

    prompt: str
    constraints: tuple[Constraint, ...]
    least_words: int
    """Different words of its own that an answer needs to say something."""
    topic: str = ""
    """What an answer has to be about; "" accepts any."""

    def kept_by(self, response: str) -> Kept:
        """Checks a response. One without substance keeps nothing, whatever its form."""
        n_asked = len(self.constraints)
        given = [
            each.words[0] for each in self.constraints if each.kind in ("first_words", "last_words")
        ]
        if reason := substance.missing(response, self.prompt, self.least_words, given):
            return Kept(0, n_asked, (reason,))
        if not substance.is_about(response, self.topic):
            return Kept(0, n_asked, (f"is not about {self.topic}",))
        broken = [each for each in self.constraints if not each.kept(response)]
        return Kept(
            n_asked - len(broken),
            n_asked,
            tuple(f"not kept: {each.in_words()}" for each in broken),
            nearness=fmean(nearness(response, each) for each in broken) if broken else 0.0,
        )

    def in_words(self) -> str:
        """Returns what is asked in words.

        >>> Asked("…", (Constraint("no_commas"), Constraint("bullets", 3)), 10).in_words()
        'has no commas; has exactly 3 bullet points'
        """
        return "; ".join(each.in_words() for each in self.constraints)

    def as_reference(self) -> str:
        """Returns the reference answer under which a prompt stores this.

        >>> Asked("On tea.", (Constraint("bullets", 3),), 10).as_reference()
        'constraints:{"keep":[{"kind":"bullets","n":3}],"least_words":10,"prompt":"On tea."}'
        """
        keep = [
            {"kind": each.kind}
            | ({"n": each.n} if each.n else {})
            | ({"words": list(each.words)} if each.words else {})
            for each in self.constraints
        ]
        asked = {"keep": keep, "least_words": self.least_words, "prompt": self.prompt} | (
            {"topic": self.topic} if self.topic else {}
        )
        return PREFIX + json.dumps(asked, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_reference(cls, reference: str) -> "Asked":
        """Reads what `as_reference` wrote. Raises `InputError` for anything else."""
        try:
            asked = json.loads(reference.removeprefix(PREFIX))
            constraints = tuple(_constraint(each) for each in asked["keep"])
            least_words = asked.get("least_words", 1)
            prompt, topic = asked.get("prompt", ""), asked.get("topic", "")
            if not constraints or type(least_words) is not int or not _are_texts([prompt, topic]):
                raise ValueError(
                    "keep is empty, or least_words no number, or prompt or topic no text"
                )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(
                f"The reference {reference[:80]!r} names no constraints ({error}). Write "
                f'{PREFIX}{{"keep": [{{"kind": "bullets", "n": 3}}]}}; kinds are '
                f"{', '.join(KINDS)}."
            ) from error
        return cls(prompt, constraints, least_words, topic)


def _constraint(given: dict[str, Any]) -> Constraint:
    kind, n, words = given["kind"], given.get("n", 0), given.get("words", [])
    if kind not in KINDS or type(n) is not int or not _are_texts(words):
        raise ValueError(f"{given} is no constraint")
    if KINDS[kind].has_words and not words:
        raise ValueError(f"{kind} needs words")
    return Constraint(kind, n, tuple(words))


def _are_texts(words: Sequence[Any]) -> bool:
    return isinstance(words, list) and all(isinstance(word, str) for word in words)
