"""Says whether a response says anything: who is pleased by nothing teaches to say nothing."""

from collections.abc import Iterable, Sequence

from ptrapp.tasks.constraints import sentences_of, words_of

_RUN = 4
"""So many words of the request in a row are repeated, not said."""
_REPEATED = 0.5
"""From this share of sentences that an earlier one says already, a response repeats itself."""


_SHARED = 4
"""Words that begin with so many same letters are forms of one: rain, rains, raining."""
_NO_TOPIC = frozenset(
    (
        *("a", "about", "after", "an", "and", "at", "being", "by", "do", "does", "for", "from"),
        *("how", "in", "into", "is", "it", "of", "on", "or", "people", "something", "that", "the"),
        *("thing", "things", "to", "us", "we", "what", "when", "who", "whose", "why", "with"),
        *("without", "you", "your"),
    )
)
"""Words of a topic that say nothing about what it is."""


def missing(response: str, prompt: str, least_words: int, given: Sequence[str] = ()) -> str | None:
    """Returns why `response` to `prompt` says nothing; None where it says something.

    It has to hold `least_words` different words of its own. A word is not its own where four in a
    row stand in the prompt in that order, nor inside one of the phrases `given` by the prompt; a
    sentence said again counts once. Of at least three sentences fewer than half may repeat an
    earlier one.

    >>> missing("That is all.", "Write about rain.", 10)
    'says too little: 3 of at least 10 different words'
    >>> missing("It is wet. It is wet. It is wet. It is dry.", "Write about rain.", 4)
    'repeats itself'
    """
    own = response.casefold()
    for phrase in given:
        own = own.replace(phrase.casefold(), " ")
    sentences = [tuple(words_of(each)) for each in sentences_of(own)]
    n_repeated = len(sentences) - len(set(sentences))
    if len(sentences) >= 3 and n_repeated >= _REPEATED * len(sentences):
        return "repeats itself"
    n_own = len(set(_not_in(words_of(own), words_of(prompt.casefold()))))
    if n_own < least_words:
        return f"says too little: {n_own} of at least {least_words} different words"
    return None


def is_about(response: str, topic: str) -> bool:
    """Returns whether a response has a word of its topic, in any form that begins alike.

    It refuses an answer to another question, and no more: who has the word may still miss the
    point. A topic without a word of its own is met by all.

    >>> is_about("Rainy days are quiet.", "why it rains"), is_about("The sea is wide.", "rivers")
    (True, False)
    """
    wanted = _beginnings(set(words_of(topic.casefold())) - _NO_TOPIC)
    return not wanted or bool(wanted & _beginnings(words_of(response.casefold())))


def _beginnings(words: Iterable[str]) -> set[str]:
    return {word[:_SHARED] for word in words}


def _not_in(words: Sequence[str], prompt: Sequence[str]) -> list[str]:
    """Returns the words outside every run that the prompt has too."""
    runs = {tuple(prompt[at : at + _RUN]) for at in range(len(prompt) - _RUN + 1)}
    repeated = {
        at + step
        for at in range(len(words) - _RUN + 1)
        if tuple(words[at : at + _RUN]) in runs
        for step in range(_RUN)
    }
    return [word for at, word in enumerate(words) if at not in repeated]
