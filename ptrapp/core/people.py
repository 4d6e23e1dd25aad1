"""Who is asking, and what that person or program may do."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    ADMIN = "admin"
    """Everything: plays, trains, makes campaigns, sees every figure."""
    ANNOTATOR = "annotator"
    """Labels what campaigns give out, and sees nothing else."""
    VIEWER = "viewer"
    """Reads pages and figures; changes nothing."""
    JUDGE = "judge"
    """A program that labels through the API; a rater of its own kind."""


EVERYBODY = frozenset(Role)
LABELS = frozenset({Role.ADMIN, Role.ANNOTATOR, Role.JUDGE})
READS = frozenset({Role.ADMIN, Role.VIEWER})
ADMINS = frozenset({Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a signed session, or a program with a token."""

    name: str
    """What it is called, a label that may be changed."""
    role: Role
    uid: str = ""
    """Who it is, whatever it is called."""

    @property
    def rater(self) -> str:
        """The identity under which votes are stored."""
        return self.uid or (f"agent:{self.name}" if self.role is Role.JUDGE else self.name)

    @property
    def is_judge(self) -> bool:
        return self.role is Role.JUDGE
