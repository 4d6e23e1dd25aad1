"""Defines who makes a request and what that person or program may do."""

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    ADMIN = "admin"
    """May do everything: play, train, create campaigns, read every result."""
    ANNOTATOR = "annotator"
    """Labels in campaigns, and sees nothing else."""
    VIEWER = "viewer"
    """Reads pages and results; changes nothing."""
    JUDGE = "judge"
    """A program that labels through the API, as a rater of the kind judge."""


EVERYBODY = frozenset(Role)
LABELS = frozenset({Role.ADMIN, Role.ANNOTATOR, Role.JUDGE})
READS = frozenset({Role.ADMIN, Role.VIEWER})
ADMINS = frozenset({Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Person:
    """A person with a signed session, or a program with a token."""

    name: str
    """A label, which may be changed."""
    role: Role
    uid: str = ""
    """The identity, which stays whatever the name is."""
    rater_id: int | None = field(default=None, compare=False)
    """The id of the rater's row, where it was read with the identity."""

    @property
    def rater(self) -> str:
        """Identity under which votes are stored."""
        return self.uid or (f"agent:{self.name}" if self.role is Role.JUDGE else self.name)

    @property
    def is_judge(self) -> bool:
        return self.role is Role.JUDGE
