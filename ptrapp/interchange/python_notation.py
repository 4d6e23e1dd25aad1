"""Reads lists and dicts as Python and numpy print them.

numpy prints arrays without commas between their elements, and Python would join two texts that
stand beside one another. The notation is taken apart by Python's own tokenizer, so that what stands
inside of a text stays as it is.
"""

import ast
import io
import tokenize
from collections.abc import Iterator
from typing import Any

_SKIPPED = (tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER)
_VALUES = (tokenize.STRING, tokenize.NUMBER, tokenize.NAME)


def evaluated(text: str) -> Any:
    r"""Returns the value that a text prints. Raises `ValueError`.

    >>> evaluated("[{'a': 'x} {y'}\n {'a': 'z'}]"), evaluated("['Hi' 'And?']")
    ([{'a': 'x} {y'}, {'a': 'z'}], ['Hi', 'And?'])
    """
    try:
        tree = ast.parse(" ".join(_with_commas(_tokens(text))), mode="eval")
        _check_each_once(tree)
        return ast.literal_eval(tree)
    except (ValueError, SyntaxError, RecursionError, MemoryError, tokenize.TokenError) as error:
        raise ValueError("no notation of Python's") from error


def _check_each_once(tree: ast.AST) -> None:
    """Raises `ValueError` where a dict has one name twice, which Python never prints."""
    for one in ast.walk(tree):
        if isinstance(one, ast.Dict):
            names = [key.value for key in one.keys if isinstance(key, ast.Constant)]
            if len(set(names)) < len(names):
                raise ValueError("a name stands twice in one dict")


def _tokens(text: str) -> list[tokenize.TokenInfo]:
    found = []
    for token in tokenize.generate_tokens(io.StringIO(text.strip()).readline):
        if token.type == tokenize.ERRORTOKEN:  # a text that does not end on its line
            raise ValueError(f"unreadable: {token.string!r}")
        if token.type not in _SKIPPED:
            found.append(token)
    return found


def _with_commas(tokens: list[tokenize.TokenInfo]) -> Iterator[str]:
    """Yields the tokens with a comma between neighbours, and of `array(…, dtype=…)` its list."""
    at, ended = 0, False
    while at < len(tokens):
        token, after = tokens[at], [one.string for one in tokens[at + 1 : at + 4]]
        if token.string == "array" and after[:1] == ["("]:
            if ended:
                yield ","
            at, ended = at + 1, False
            continue
        if token.string == "," and after[:2] == ["dtype", "="]:
            at += 4
            continue
        is_value = token.type in _VALUES
        if ended and (is_value or token.string in ("{", "[")):
            yield ","
        yield "None" if token.string == "nan" else token.string
        at, ended = at + 1, is_value or token.string in ("}", "]", ")")
