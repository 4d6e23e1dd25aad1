"""Persons: roles, what each may do, and the name votes are stored under."""

import pytest

from ptrapp.core.people import ADMINS, LABELS, READS, Person, Role


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (Role.ADMIN, {"label", "read", "all"}),
        (Role.ANNOTATOR, {"label"}),
        (Role.VIEWER, {"read"}),
        (Role.JUDGE, {"label"}),
    ],
)
def test_a_role_may_do_what_it_is_for(role: Role, may: set[str]) -> None:
    sets = {"label": LABELS, "read": READS, "all": ADMINS}
    assert {what for what, roles in sets.items() if role in roles} == may


def test_a_judge_is_a_rater_of_its_own_kind() -> None:
    agent = Person("scout", Role.JUDGE)
    assert (agent.rater, agent.is_judge) == ("agent:scout", True)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.ANNOTATOR, Role.VIEWER])
def test_a_person_votes_under_his_name(role: Role) -> None:
    person = Person("Ada", role)
    assert (person.rater, person.is_judge) == ("Ada", False)
