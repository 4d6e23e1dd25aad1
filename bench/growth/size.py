"""How much a grown database holds, and the ids by which its parts are known."""

from dataclasses import dataclass

N_SIBLINGS = 2
"""Stored answers of every prompt."""
N_ROUNDS = 3
"""Rounds of a person's run."""
N_PEOPLE = 8
CAMPAIGN = 1
"""Id of the campaign that holds every pair and every vote."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much a database holds."""

    votes: int = 200_000
    prompts: int = 50_000
    runs: int = 2_000
    """Of people, three rounds each, on the first prompts; every prompt has two stored answers."""
    jobs: int = 500
