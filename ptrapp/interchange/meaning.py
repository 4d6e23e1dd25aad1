"""Decides what the name of a column says of the text that its values name, or of its numbers.

Only what a name says is taken: values that name the two texts say nothing of which is better.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from itertools import permutations

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_PREFERRED = re.compile(
    r"prefer|win$|wins$|won$|winner|winning|better|best|safer|choice|chosen|verdict|judge?ment|judged"
    r"|votes?$|voted$|upvote|select(?:s|ed|ion)?$|pick(?:s|ed)?$|pairwise|pw$|outcome|decision|ranking"
)
_PREFERRED_ALONE = {("label",), ("labels",), ("answer",), ("answers",)}
_DOUBTFUL = {"second", "runner", "other", "by", "shown", "order"}
"""Words beside which a word of preference may mean anything: chosen_by, second_choice."""
_LOSING = re.compile(r"los(?:e|es|er|ers|ing|t)$|wors[et]$|reject(?:s|ed)?$|(?:dis|un|non)prefer")
_NEGATED = {"not", "non", "less", "least"}
_OPPOSITE = re.compile(
    r"no$|never$|against$|anti$|avoid|bad|wrong|incorrect|unsafe|false|fail|poor|inferior|weak|hated"
    r"|dislik|eliminat|discard|refus|unchosen|unselect|deselect|downvot|lower|lowest|harm(?!less)|toxic"
    r"|hallucinat|error|mistake|flaw|biased|offensive|los[es]|wors|reject"
)
NEUTRAL = {
    "response", "answer", "completion", "output", "generation", "reply", "option", "text", "model",
    "side", "assistant", "candidate", "conversation", "summary", "id", "index", "name", "label",
    "column", "is", "the", "human", "one",
}  # fmt: skip
"""Words that say nothing of a text."""
_HIGHER = re.compile(
    r"scor|rat(?:ing|ed)|harmless|stars?$|quality|grades?$|points?$|rewards?$|helpful|honest|truthful|correctness"
    r"|accuracy|coheren|relevan|fluen|usefulness|upvotes?$|likes?$"
)
_OF_SCORES = NEUTRAL | {
    "overall", "mean", "avg", "average", "total", "final", "median", "sum", "value", "a", "b",
    "ref", "left", "right", "first", "second", "instruction", "following", "of", "for", "to",
}  # fmt: skip
_LOWER = re.compile(
    r"toxic|error|harm(?!less)|loss|perplex|ppl$|rank|cost|penal|bias$|biased|hallucin|risk|unsafe|violat|nll$"
    r"|distance|sever|bad|wrong|worse|worst|mistake|incorrect|inaccura|danger|offens|reject|dislike"
    r"|downvot|not$|non$|un(?:help|rel|truth)|irrelevan|incoheren|flaw|defect|complain|wer$|cer$"
)

_PAIRS = (
    ("win", "lose"), ("wins", "loses"), ("won", "lost"), ("winner", "loser"), ("winning", "losing"),
    ("good", "bad"), ("best", "worst"), ("better", "worse"), ("positive", "negative"), ("w", "l"),
    ("pos", "neg"), ("accept", "reject"), ("accepted", "rejected"), ("correct", "incorrect"),
    ("right", "wrong"), ("correct", "wrong"), ("safe", "unsafe"), ("liked", "disliked"),
    ("strong", "weak"), ("like", "dislike"),
)  # fmt: skip


class Says(StrEnum):
    """What a name says of the text that a value under it names."""

    PREFERRED = "preferred"
    WORSE = "worse"
    """The other text is the preferred one: loser, worse_response, rejected."""
    OPPOSITE = "opposite"
    """Something bad, of which it is not clear that the other text is better: unsafe_response."""
    NOTHING = "nothing"


class Scale(StrEnum):
    """What a name says of its numbers."""

    HIGHER = "the higher is better"
    LOWER = "the lower is better"
    UNKNOWN = "unknown"


def words_of(name: str) -> tuple[str, ...]:
    """Returns the words of a name in lower case.

    >>> words_of("worseResponse_id2")
    ('worse', 'response', 'id', '2')
    """
    return tuple(word.lower() for word in _WORD.findall(name))


def says(name: str) -> Says:
    """Returns what a name says of the text that a value under it names.

    >>> says("better_response_id"), says("loser"), says("wrong_answer"), says("longer")
    (<Says.PREFERRED: 'preferred'>, <Says.WORSE: 'worse'>, <Says.OPPOSITE: 'opposite'>, <Says.NOTHING: 'nothing'>)
    """  # noqa: E501 - the doctest compares one line
    words = words_of(name)
    telling = [word for word in words if word not in NEUTRAL]
    match telling:
        case [word] if _LOSING.match(word):
            return Says.WORSE
        case [no, word] if no in _NEGATED and word in ("preferred", "chosen"):
            return Says.WORSE
    if any(word in _NEGATED or _LOSING.match(word) or _OPPOSITE.match(word) for word in words):
        return Says.OPPOSITE
    if any(word in _DOUBTFUL for word in words):
        return Says.NOTHING
    if words in _PREFERRED_ALONE or any(_PREFERRED.match(word) for word in words):
        return Says.PREFERRED
    return Says.NOTHING


def scale_of(name: str) -> Scale:
    """Returns what a name says of its numbers.

    >>> scale_of("score_a"), scale_of("toxicity_score_a"), scale_of("length_score_a")
    (<Scale.HIGHER: 'the higher is better'>, <Scale.LOWER: 'the lower is better'>, <Scale.UNKNOWN: 'unknown'>)
    """  # noqa: E501 - the doctest compares one line
    words = words_of(name)
    if any(_LOWER.match(word) for word in words):
        return Scale.LOWER
    telling = [word for word in words if word not in _OF_SCORES and not word.isdigit()]
    if telling and all(map(_HIGHER.match, telling)):
        return Scale.HIGHER
    return Scale.UNKNOWN


def opposed(names: Iterable[str]) -> list[str]:
    """Returns the names that differ from another one in a word that means the opposite.

    >>> opposed(["prompt", "good_answer", "bad_answer", "y_w"])
    ['good_answer', 'bad_answer']
    """
    words = {name: words_of(name) for name in names}
    found: dict[str, None] = {}
    for mine, its in permutations(words, 2):
        parts = zip(words[mine], words[its], strict=False)
        changed = [two for two in parts if two[0] != two[1]]
        if len(words[mine]) == len(words[its]) and len(changed) == 1 and changed[0] in _PAIRS:
            found |= dict.fromkeys((mine, its))
    return [name for name in words if name in found]
