"""An app that nobody uses looks for new versions in few statements, however many there are."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from statements import executed

from db.content import pins as stored_pins
from db.models import Adapter, AdapterStatus, GateState
from db.registry import adapters, gates
from ptrapp.services import pinned_answers, pins, publisher, versions
from ptrapp.services.pinned_answers import PinAnswerer
from ptrapp.services.publisher import Publisher

N = 30
"""Versions."""


@contextmanager
def looked_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Collects the versions of which it is asked whether they can be served, which reads files."""
    names: list[str] = []
    with monkeypatch.context() as patched:
        for module in (publisher, pinned_answers):
            why_not = module.why_not_served

            def spied(version: Any, *more: Any, why_not: Any = why_not) -> Any:
                names.append(version.name if version else "base")
                return why_not(version, *more)

            patched.setattr(module, "why_not_served", spied)
        yield names


def add(world: Any, n: int, *, base_model: str = "scripted") -> list[int]:
    with world.database.write() as session:
        first = adapters.count_by_status(session).get(AdapterStatus.READY, (0, 0))[0]
        return [
            adapters.register(
                session,
                name=f"v{first + number}",
                parent_id=None,
                job_id=None,
                snapshot_id=None,
                base_model=base_model,
                path=f"v{first + number}",
                sha256="0" * 64,
                metrics={},
            ).id
            for number in range(n)
        ]


def test_versions_that_wait_for_a_person_cost_one_statement(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = add(world, N)
    with world.database.write() as session:
        for adapter_id in waiting:
            gates.decide(session, adapter_id, GateState.WAITS, "worse", {})
    look = Publisher(world.context)
    with executed() as said, looked_at(monkeypatch) as names:
        look.publish_ready()
    assert len(said) == 1, said
    assert names == []


def test_versions_that_passed_cost_one_statement_where_a_person_serves(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.open(auto_activate=False)
    passed = add(world, N)
    look = Publisher(world.context)
    look.publish_ready()  # without problems to measure on, they pass
    with world.database.read() as session:
        assert {gates.of(session, one).state for one in passed} == {GateState.PASSED}
    with executed() as said, looked_at(monkeypatch) as names:
        look.publish_ready()
    assert len(said) == 1, said
    assert names == []


def test_versions_of_another_model_are_looked_at_once_a_minute(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(world, N, base_model="another")
    look = Publisher(world.context)
    with looked_at(monkeypatch) as names:
        look.publish_ready()
        assert len(names) == N
        look.publish_ready()
        assert len(names) == N
        world.engine.model_id = "another"  # it is loaded now
        with pytest.raises(versions.AdapterUnavailable):  # these have no files
            look.publish_ready()
        assert len(names) == N + 1


def test_what_waits_is_looked_at_when_it_is_measured_again(world: Any) -> None:
    (adapter_id,) = add(world, 1)
    with world.database.write() as session:
        gates.decide(session, adapter_id, GateState.WAITS, "worse", {})
        assert gates.undecided(session, serves=True) == []
        gates.forget(session, adapter_id)
        assert gates.undecided(session, serves=True) == [(adapter_id, "v0")]


def test_one_that_passed_beside_another_version_is_looked_at_again(world: Any) -> None:
    served, passed = add(world, 2)
    with world.database.write() as session:
        gates.decide(session, passed, GateState.PASSED, "", {})
        gates.decide(session, served, GateState.PASSED, "", {})
        assert gates.undecided(session, serves=False) == []
        assert len(gates.undecided(session, serves=True)) == 2
        adapters.activate(session, served)
        assert gates.undecided(session, serves=False) == [(passed, "v1")]


@pytest.fixture
def answered(world: Any, adapter_folder: Callable[[str], Path]) -> PinAnswerer:
    """A pinned prompt that the base model and every version has answered, or failed at."""
    add(world, N)
    run = world.play(n=1)
    pins.pin(world.context, "Ada", run.id)
    answerer = PinAnswerer(world.context)
    assert answerer.answer_missing() == 1, "the versions have no files"
    answerer.answer_missing()
    return answerer


def test_answers_that_are_there_are_not_read_again(
    world: Any, answered: PinAnswerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with executed() as said, looked_at(monkeypatch) as names:
        assert answered.answer_missing() == 0
    assert len(said) == 3, "pins, versions by status, answers by state"
    assert names == []


def test_what_is_new_is_noticed(
    world: Any, answered: PinAnswerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(world, 1)
    with looked_at(monkeypatch) as names:
        answered.answer_missing()
    assert f"v{N}" in names
    answered.answer_missing()
    with world.database.read() as session:
        (pin_id,) = (one.id for one in stored_pins.pinned(session))
    assert pins.ask_again(world.context, pin_id) == N + 1
    with looked_at(monkeypatch) as names:
        answered.answer_missing()
    assert f"v{N}" in names
    answered.answer_missing()
    with world.database.write() as session:
        session.get_one(Adapter, 1).status = AdapterStatus.REJECTED
    with looked_at(monkeypatch) as names:
        answered.answer_missing()
    assert names
