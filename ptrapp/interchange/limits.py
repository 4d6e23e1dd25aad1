"""How large a file may be, and how deep: what is over is refused before it fills the memory."""

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Most of everything; a file that needs more is given in parts."""

    n_bytes: int
    """Of the file as it comes."""
    n_rows: int
    n_line_bytes: int = 4 * MIB
    """Of one row as it is written."""
    depth: int = 24
    """Lists and objects inside each other."""
    expansion: int = 100
    """How many times larger a compressed file may become."""

    @property
    def n_expanded_bytes(self) -> int:
        """Of the whole file once it is unpacked."""
        return 4 * self.n_bytes


TERMINAL = Limits(n_bytes=256 * MIB, n_rows=2_000_000)
"""For a person at the machine itself."""
NETWORK = Limits(n_bytes=32 * MIB, n_rows=200_000)
"""For a file that is sent to the app."""
