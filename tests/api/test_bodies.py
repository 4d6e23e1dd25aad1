"""Whatever a body takes, numbers are finite and times can be told in UTC."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import Field, ValidationError

from ptrapp.api import routes
from ptrapp.api.bodies import Body

JSON = {"Content-Type": "application/json"}


class Asked(Body):
    weight: float = 0.0
    weights: list[float] = Field(default_factory=list)
    by_name: dict[str, bool | int | float | str] = Field(default_factory=dict)
    at: datetime | None = None
    times: tuple[datetime, ...] = ()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_is_finite(number: str) -> None:
    for body in ('{"weight": %s}', '{"weights": [%s]}', '{"by_name": {"rate": %s}}'):
        with pytest.raises(ValidationError, match="finite number"):
            Asked.model_validate_json(body % number)


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_a_time_can_be_told_in_utc(time: str) -> None:
    for body in ('{"at": "%s"}', '{"times": ["%s"]}'):
        with pytest.raises(ValidationError, match="a time before the year 1 or after 9999 in UTC"):
            Asked.model_validate_json(body % time)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"data": {"kind": "dpo"}}, "a JSON object is expected, with Content-Type"),
        ({"json": [1]}, "a JSON object is expected, with Content-Type"),
        ({}, "a JSON object is expected, with Content-Type"),
        ({"content": '{"kind":', "headers": JSON}, "the body is no JSON"),
        ({"json": {}}, "kind: it is missing"),
        ({"json": {"kind": "dpo", "kidn": 1}}, "kidn: there is no such field here"),
    ],
    ids=["form", "list", "nothing", "cut off", "a field is missing", "a field too many"],
)
def test_a_body_that_cannot_be_used_is_answered_in_words(
    page: TestClient, sent: dict[str, Any], words: str
) -> None:
    answer = page.post("/api/v1/jobs", **sent)
    assert answer.status_code == 422
    assert words in answer.json()["error"]


def test_other_times_are_taken_as_they_are() -> None:
    east = datetime(2026, 3, 1, 9, tzinfo=timezone(timedelta(hours=14)))
    for time in (east, datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)):
        assert Asked(at=time).at == time


def _all(base: type[Any]) -> Iterator[type[Any]]:
    for each in base.__subclasses__():
        yield each
        yield from _all(each)


def test_no_body_allows_again_what_their_base_forbids() -> None:
    bodies = list(_all(Body))
    assert routes.RunBody in bodies
    for body in bodies:
        assert body.model_config.get("allow_inf_nan") is False, body
        assert body.model_config.get("extra") == "forbid", body
