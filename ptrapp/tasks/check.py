"""Checks a response against a prompt's reference: an answer to state, or constraints to keep."""

from functools import lru_cache

from ptrapp.core.errors import ConfigurationError, InputError
from ptrapp.tasks import ifeval, kept
from ptrapp.tasks.kept import Asked, Kept
from ptrapp.tasks.stated import states


def is_correct(response: str, reference: str) -> bool:
    """Returns whether `response` states the reference answer, or keeps every constraint.

    See `stated.states` and `kept.Asked.kept_by`. Defined for every text.
    """
    found = check(response, reference)
    return found.n_kept == found.n_asked


def check(response: str, reference: str) -> Kept:
    """Returns how much of what `reference` asks `response` keeps; an answer to state is one thing.

    A reference that begins like constraints and cannot be read is kept by nothing.

    >>> check("The answer is 5.", "5").score
    1.0
    """
    if not has_constraints(reference):
        right = states(response, reference)
        return Kept(int(right), 1, () if right else ("the right answer is not stated",))
    try:
        if reference.startswith(ifeval.PREFIX):
            return ifeval.kept_by(response, reference)
        return _asked(reference).kept_by(response)
    except (InputError, ConfigurationError) as error:
        return Kept(0, 1, (str(error),))


@lru_cache(maxsize=256)
def missed(response: str, reference: str) -> tuple[str, ...]:
    """Returns which constraints a response breaks, in words; none where an answer is to be stated.

    It is kept: a page asks many times a second while a run is written.

    >>> missed("Tea, please.", 'constraints:{"keep":[{"kind":"no_commas"}]}')
    ('has no commas',)
    """
    if not has_constraints(reference):
        return ()
    return tuple(each.removeprefix("not kept: ") for each in check(response, reference).broken)


def has_constraints(reference: str) -> bool:
    """Returns whether a reference answer is what an answer has to keep, and not an answer."""
    return reference.startswith((kept.PREFIX, ifeval.PREFIX))


def in_words(reference: str) -> str:
    """Returns a reference as people read it: an answer unchanged, constraints in words."""
    if not has_constraints(reference):
        return reference
    try:
        if reference.startswith(ifeval.PREFIX):
            return ifeval.in_words(reference)
        return _asked(reference).in_words()
    except InputError:
        return reference


def readable(reference: str) -> str:
    """Returns the reference if answers can be checked by it, and raises `InputError` if not."""
    if reference.startswith(ifeval.PREFIX):
        ifeval.in_words(reference)
    elif has_constraints(reference):
        _asked(reference)
    return reference


@lru_cache(maxsize=1024)
def _asked(reference: str) -> Asked:
    """Reads constraints; a prompt's are asked for by each of its answers."""
    return Asked.from_reference(reference)
