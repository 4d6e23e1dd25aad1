"""Makes secrets of links, cookies and tokens, and the hashes under which they are stored."""

from hashlib import sha256
from secrets import token_urlsafe

_N_BYTES = 32
"""Nobody guesses 256 bits, so a fast hash without salt hides them."""


def new_secret() -> str:
    """Returns a secret of 43 letters, digits, hyphens and underscores."""
    return token_urlsafe(_N_BYTES)


def hashed(secret: str) -> str:
    """Returns the hash that is stored. A string that is no text hashes to nothing stored."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
