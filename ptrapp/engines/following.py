"""Asks a model once whether it writes its thought format by itself."""

from dataclasses import replace

from ptrapp.core.dialogue import build_messages
from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.core.types import Completion, Sampling
from ptrapp.engines.base import Engine, Request, complete

_PROMPT = "A shop sells pens at 3 euros each. What do four pens cost?"
_N_FIRST = 16
"""Tokens after which it shows whether a thought was opened: most models that do not follow are
found out here."""
_N_MOST = 192
"""Most tokens of the thought to such a simple question."""


def with_followed(engine: Engine) -> ThoughtFormat:
    """Returns the engine's format, with what one greedy answer shows about it.

    A format that the model's own template writes is not asked about. It stays unknown where the
    engine fails.
    """
    fmt = engine.thought_format
    if fmt.followed is not None:
        return fmt
    messages = build_messages(_PROMPT, (), fmt, thinking=True)
    followed = True
    for n_tokens in (_N_FIRST, _N_MOST):
        drawn = Sampling(0.0, max_tokens=1, max_thought_tokens=n_tokens)
        (outcome,) = complete(engine, [Request(messages, True, drawn, enforce=False)])
        if not isinstance(outcome, Completion):
            return fmt
        raw = outcome.raw.lstrip()
        if fmt.response_marker in raw:
            break
        followed = n_tokens < _N_MOST and raw.startswith(fmt.thought_marker)
        if not followed:
            break
    return replace(fmt, followed=followed)


def in_words(fmt: ThoughtFormat) -> tuple[str, ...]:
    """Returns what is known of how the model thinks, for a page."""
    match fmt.followed:
        case None:
            return ()
        case True:
            return ("It writes a thought and then a response by itself.",)
        case False:
            return (
                "It does not write the form it is asked to think in, so its thoughts are opened "
                "and ended for it; by default it refines without thoughts.",
            )
