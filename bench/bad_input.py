"""Sends random bad requests to every route and counts what is answered with 5xx: none should be.

    python -m bench.bad_input --requests 10000 [--database-url postgresql+psycopg://…] [--seed 0]

The app is the whole one around a scripted engine, in this process and without a port. A request is
one that the schema describes, with one thing or more wrong: a field left out or of another type, a
number no column holds, NUL, halves of surrogate pairs, nesting, broken JSON, odd paths and queries.
"""

import argparse
import asyncio
import json
import logging
import os
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import httpx

from db.storage.session import open_database
from ptrapp.app import build_app
from ptrapp.core.settings import Settings
from ptrapp.engines.base import Request
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.services import play
from ptrapp.services.context import AppContext

ADDRESS = "http://127.0.0.1:7860"
LEFT_OUT = ("/models/load", "/versions/{name}/serve")
"""Routes that ask the hub or load weights for a name."""
GRADIO = (
    "queue/join", "call/play", "call/label_vote", "run/predict", "upload", "cancel", "reset",
    "component_server", "info", "file=/etc/passwd", "stream/x/1/2",
)  # fmt: skip
DOOR = ("join", "sign-in", "sign-out", "account/password", "account/sign-out", "login/callback")
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 2**31, 2**63, 10**400, 1.5, float("nan"), float("inf"), -1e308, "", " ", "a",
    "a\x00b", "\x00", "\ud800", "\udfff\ud800", "\U0010ffff", "x" * 70_000, "../../etc/passwd",
    "'; DROP TABLE votes; --", "%00", [], {}, [[]], ["\x00"], {"\ud800": 1}, {"a": {"b": ["\x00"]}},
    [1] * 1000, "2026-13-45T99:99:99Z", "left", "dpo", "response",
)  # fmt: skip
BROKEN = (
    b"",
    b"{",
    b"null",
    b"[]",
    b"\xff\xfe",
    b'{"a":',
    b"[" * 100_000,
    b'"\\ud800"',
    b"\x00" * 20,
)
SEGMENTS = (
    b"0",
    b"-1",
    b"1",
    b"99999999999999999999",
    b"a",
    b"\x00",
    b"\xed\xa0\x80",
    b"%",
    b"..",
    b"x" * 300,
)


def measure(app: Any, n_requests: int, seed: int) -> dict[str, Any]:
    """Returns the answers by status, and the first requests that were answered with 5xx."""
    return asyncio.run(_send(app, n_requests, random.Random(seed)))


async def _send(app: Any, n_requests: int, chance: random.Random) -> dict[str, Any]:
    operations = _operations(app)
    statuses: Counter[int] = Counter()
    broken: list[dict[str, Any]] = []
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS, timeout=30) as client:
        for _ in range(n_requests):
            method, path, content, headers = _request(operations, chance)
            asked = client.build_request(method, ADDRESS, content=content, headers=headers)
            asked.url = asked.url.copy_with(raw_path=path)
            answer = await client.send(asked)
            statuses[answer.status_code] += 1
            if answer.status_code >= 500:
                broken.append({"method": method, "path": path.decode("latin-1")[:200],
                               "body": repr(content[:200]), "status": answer.status_code,
                               "answer": answer.text[:200]})  # fmt: skip
    return {
        "requests": n_requests,
        "statuses": {str(status): n for status, n in sorted(statuses.items())},
        "of_5xx": len(broken),
        "first_of_5xx": broken[:10],
    }


def _operations(app: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """Returns method, path and the fields of the body of every route."""
    schema = app.openapi()
    parts = schema["components"]["schemas"]
    found = []
    for path, methods in schema["paths"].items():
        if path.removeprefix("/api/v1") in LEFT_OUT:
            continue
        for method, said in methods.items():
            body = said.get("requestBody", {}).get("content", {}).get("application/json", {})
            name = body.get("schema", {}).get("$ref", "").rpartition("/")[2]
            found.append((method.upper(), path, parts.get(name, {}).get("properties", {})))
    return found


def _request(
    operations: list[tuple[str, str, dict[str, Any]]], chance: random.Random
) -> tuple[str, bytes, bytes, dict[str, str]]:
    kind = {"Content-Type": "application/json"}
    where = chance.random()
    if where < 0.15:
        name = chance.choice(GRADIO)
        of_event = ("data", "fn_index", "session_hash", "event_id", "event_data", "trigger_id")
        event = {one: chance.choice(VALUES) for one in of_event if chance.random() < 0.6}
        way = chance.choice(("GET", "POST", "POST"))
        return way, f"/gradio_api/{name}".encode() + _query(chance), _body(event, chance), kind
    if where < 0.25:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        asked = ("token", "name", "password", "sign_in", "old", "new", "state", "code")
        sent = b"&".join(
            one.encode() + b"=" + quote_from_bytes(chance.choice(SEGMENTS)).encode()
            for one in asked
        )
        door = f"/{chance.choice(DOOR)}".encode() + _query(chance)
        return chance.choice(("GET", "POST")), door, sent, form
    method, path, fields = chance.choice(operations)
    filled = "/".join(
        quote_from_bytes(chance.choice(SEGMENTS)) if part.startswith("{") else part
        for part in path.split("/")
    )
    body = {name: _value(said, chance) for name, said in fields.items() if chance.random() < 0.8}
    if chance.random() < 0.1:
        body[str(chance.choice(VALUES))[:50]] = 1
    return method, filled.encode() + _query(chance), _body(body, chance), kind


def _value(said: dict[str, Any], chance: random.Random) -> Any:
    """Returns a value that often is of the type that the schema says, and often is not."""
    if chance.random() < 0.4:
        return chance.choice(VALUES)
    kinds = {"integer": (0, 1, 3, 999_999), "number": (0.5, 1.0), "boolean": (True, False),
             "string": ("a", "What is 1 + 1?", "left"), "array": ([], ["a", "b"], [1])}  # fmt: skip
    return chance.choice(said.get("enum") or kinds.get(said.get("type", ""), VALUES))


def _body(body: dict[str, Any], chance: random.Random) -> bytes:
    if chance.random() < 0.1:
        return chance.choice(BROKEN)
    return json.dumps(body, ensure_ascii=chance.random() < 0.9).encode("utf-8", "surrogatepass")


def _query(chance: random.Random) -> bytes:
    if chance.random() < 0.6:
        return b""
    names = (
        "n",
        "page",
        "text",
        "campaign",
        "what",
        "kind",
        "limit",
        "session_hash",
        "token",
        "up_to",
    )
    given = (
        f"{chance.choice(names)}={quote_from_bytes(chance.choice(SEGMENTS))}" for _ in range(2)
    )
    return b"?" + "&".join(given).encode()


def _answer(request: Request) -> str:
    return "<T> one and one.<R> The answer is 2."


def run(database_url: str, n_requests: int, seed: int) -> dict[str, Any]:
    """Measures an app with this database, an SQLite one of its own where there is none."""
    with tempfile.TemporaryDirectory(prefix="thrice-bad-input-") as folder:
        settings = Settings(data_dir=Path(folder), database_url=database_url, runs_per_person=2)
        database = open_database(settings.database)
        context = AppContext(settings, database, ScriptedEngine(_answer))
        began = time.monotonic()
        try:
            found = measure(build_app(context), n_requests, seed)
        finally:
            play.stop_all(context)
            database.dispose()
        backend = settings.database.partition(":")[0]
        return {"database": backend, "seconds": round(time.monotonic() - began, 1)} | found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--database-url", default="")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    print(json.dumps(run(asked.database_url, asked.requests, asked.seed), indent=2))


if __name__ == "__main__":
    main()
