"""The OpenAPI schema tells a script what labelling takes, answers and refuses."""

from typing import Any

import pytest
from fastapi import FastAPI

LABELLING = {"labelling", "campaigns", "people"}


@pytest.fixture(scope="module")
def schema(application: FastAPI) -> dict[str, Any]:
    return application.openapi()


def operations(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    }


def of_labelling(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        name: operation
        for name, operation in operations(schema).items()
        if LABELLING & set(operation.get("tags", ()))
    }


def resolved(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    name = part.get("$ref", "").rpartition("/")[2]
    return schema["components"]["schemas"][name] if name else part


def answer_of(operation: dict[str, Any]) -> dict[str, Any]:
    (good,) = [code for code in operation["responses"] if code.startswith("2")]
    answer: dict[str, Any] = operation["responses"][good]["content"]["application/json"]["schema"]
    return answer


def test_every_labelling_route_is_described_in_words(schema: dict[str, Any]) -> None:
    operations = of_labelling(schema)
    assert len(operations) > 18
    for name, operation in operations.items():
        assert operation["summary"], name
        assert len(operation.get("description", "")) > 15, name


def test_every_labelling_route_says_what_it_answers(schema: dict[str, Any]) -> None:
    for name, operation in of_labelling(schema).items():
        answer = answer_of(operation)
        answer = resolved(schema, answer.get("items", answer))
        assert answer.get("properties"), f"{name} answers something without names"


def test_every_route_says_how_it_refuses(schema: dict[str, Any]) -> None:
    for name, operation in operations(schema).items():
        for status in ("400", "401", "403", "404", "409", "422"):
            refusal = operation["responses"][status]["content"]["application/json"]["schema"]
            assert list(resolved(schema, refusal)["properties"]) == ["error", "columns"], name
            assert operation["responses"][status]["description"]


def test_a_pair_in_the_schema_is_a_pair_on_the_page(schema: dict[str, Any]) -> None:
    pair = schema["components"]["schemas"]["LabelPair"]
    assert set(pair["properties"]) == {
        "key", "aspect", "practice", "system", "context", "prompt", "prompt_html", "left", "right",
        "was", "was_much",
    }  # fmt: skip


def test_bodies_name_all_they_take_and_refuse_the_rest(schema: dict[str, Any]) -> None:
    for name, operation in of_labelling(schema).items():
        if "requestBody" in operation:
            body = resolved(
                schema, operation["requestBody"]["content"]["application/json"]["schema"]
            )
            assert body["additionalProperties"] is False, name


def test_the_schema_is_for_anybody(ada: Any) -> None:
    answer = ada.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.json()["paths"].keys() >= {"/api/v1/campaigns/{campaign_id}/next"}
