"""Maps failures of the client and the server to the error tree.

::

    connection refused, broken or timed out         EngineUnavailable
    401, 403                                        EngineUnavailable (the key)
    404 for a published version                     PolicyMissing
    404 for the base model                          EngineUnavailable (--served-model)
    400, 413, 422 that speak of the context         ContextTooLong
    400 that asks for a chat template               ModelUnusable
    429, 5xx, other statuses                        EngineUnavailable
    an error inside a stream, without a status      EngineUnavailable
"""

import re

from openai import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
)

from ptrapp.core.errors import (
    ContextTooLong,
    EngineError,
    EngineUnavailable,
    ModelUnusable,
    PolicyMissing,
)
from ptrapp.core.types import BASE, Policy

_TOO_LONG = re.compile(r"context.?(length|size|window)|max_model_len|exceed_context", re.IGNORECASE)

_NO_TEMPLATE = re.compile(r"(default|provide a|no) chat.?template", re.IGNORECASE)


def mapped(
    error: APIError, url: str, *, policy: Policy = BASE, context_length: int = 0
) -> EngineError:
    """Returns `error` as an error of the tree, with a message for a person."""
    match error:
        case APITimeoutError():  # before its parent class
            return EngineUnavailable(
                f"The server at {url} took too long to answer. It may be overloaded; try again."
            )
        case APIConnectionError():
            return EngineUnavailable(
                f"The server at {url} does not answer ({_cause(error)}). "
                "Start it, or correct --base-url."
            )
        case AuthenticationError() | PermissionDeniedError():
            return EngineUnavailable(
                f"The server at {url} refuses the key ({error.status_code}). "
                "Set THRICE_API_KEY to one it takes."
            )
        case NotFoundError():
            return _not_found(error, url, policy)
        case RateLimitError():
            return EngineUnavailable(
                f"The server at {url} has too much to do (429). Try again in a moment."
            )
        case APIStatusError(status_code=400 | 413 | 422) if _TOO_LONG.search(_full_text(error)):
            return ContextTooLong(
                "The prompt with its earlier rounds is too long for the server's model, which "
                f"reads {context_length:,} tokens, answer included. Shorten the prompt, or ask for "
                "fewer rounds."
            )
        case APIStatusError(status_code=400) if _NO_TEMPLATE.search(_full_text(error)):
            return ModelUnusable(
                f"The model on the server at {url} has no chat template, so it cannot be asked. "
                "Start the server with one (vLLM's --chat-template FILE), or serve with "
                "--engine local, which asks such a model in plain text."
            )
        case APIStatusError():
            return EngineUnavailable(
                f"The server at {url} refuses the request ({error.status_code}): "
                f"{server_message(error)}"
            )
    return EngineUnavailable(
        f"The server at {url} broke off in the middle of an answer: {server_message(error)}"
    )


def is_retryable(error: APIError) -> bool:
    """Returns whether the same request may succeed in a moment. A timeout has waited already."""
    if isinstance(error, APITimeoutError):
        return False
    return isinstance(error, APIConnectionError | RateLimitError | InternalServerError)


def server_message(error: APIError) -> str:
    """Returns the server's own message on one line, without what the client adds to it."""
    body = error.body
    inner = body.get("message") if isinstance(body, dict) else None
    return " ".join(str(inner or error.message).split())[:300]


def _not_found(error: NotFoundError, url: str, policy: Policy) -> EngineError:
    if policy.adapter is None:
        return EngineUnavailable(
            f"The server at {url} does not know the model ({server_message(error)}). "
            "Correct --served-model, or leave it out to take the first one."
        )
    return PolicyMissing(
        f"The adapter {policy.label!r} is not loaded on the server at {url}. Publish it again, "
        "or ask for a version that is being served."
    )


def _cause(error: APIError) -> str:
    return str(error.__cause__ or error.message).strip() or type(error).__name__


def _full_text(error: APIError) -> str:
    return f"{error.message} {error.body}"
