"""Why a judge said nothing, put so that like reasons can be counted."""

import re

from ptrapp.core.errors import JudgeError

LONGEST = 200
_QUOTED = re.compile(r"(?<!\w)(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")(?!\w)")
_NUMBER = re.compile(r"\d+")


def reason_of(error: JudgeError) -> str:
    """What it says of every such pair: neither what is quoted of this one, nor its numbers.

    >>> reason_of(JudgeError("The verifier needs a reference answer and 'How many?' has none."))
    'The verifier needs a reference answer and … has none.'
    """
    return _NUMBER.sub("N", _QUOTED.sub("…", str(error)))[:LONGEST]
