"""Hashes and checks passwords by argon2, a few at a time because each takes 64 MiB."""

from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ptrapp.core.errors import InputError

SHORTEST, LONGEST = 10, 200
"""Bounds of a password's length, in characters."""
_HASHER = PasswordHasher()
"""With the defaults of argon2-cffi: RFC 9106's second recommendation, 64 MiB and three passes."""
_AT_ONCE = BoundedSemaphore(2)
"""Passwords checked at once; others wait, so that sign-ins do not fill the memory."""


def hash_password(password: str) -> str:
    """Returns what is stored of a password. Raises `InputError` for one that is too short."""
    if not SHORTEST <= len(password) <= LONGEST or not password.isprintable():
        raise InputError(f"A password has {SHORTEST} to {LONGEST} characters, no line breaks.")
    with _AT_ONCE:
        return _HASHER.hash(password)


def is_password(stored: str | None, given: str) -> bool:
    """Returns whether it is the password; an account without one takes as long to say no."""
    if len(given) > LONGEST or not given.isprintable():
        given = ""
    with _AT_ONCE:
        try:
            return _HASHER.verify(stored or _of_nobody(), given) and stored is not None
        except (VerificationError, InvalidHashError):
            return False


@cache
def _of_nobody() -> str:
    return _HASHER.hash("the password of nobody")
