"""Every version answers what is pinned, once, behind people, and after a restart as well."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from db.labelling import preferences
from db.registry import adapters
from db.registry.contents import weights_sha256
from db.storage.errors import Conflict
from ptrapp.core.errors import ContextTooLong, InputError, NotFound
from ptrapp.engines.base import Priority, Request
from ptrapp.engines.replaceable import ReplaceableEngine
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.services import compare, history, pins, play, versions
from ptrapp.services.history import HistoryQuery
from ptrapp.services.pinned_answers import PinAnswerer
from ptrapp.services.pins import PinView

Folder = Callable[[str], Path]


def by_version(request: Request) -> str:
    """Each version says its own name; the second round adds to it."""
    number = len(request.messages) // 2 + 1
    return f"<T> secret.<R> {request.policy.label} says {number}."


@pytest.fixture
def asked(world: Any) -> Any:
    world.open(by_version)
    return world


def add_version(world: Any, folder: Path, base_model: str = "scripted") -> str:
    with world.database.write() as session:
        return adapters.register(
            session,
            name=folder.name,
            parent_id=None,
            job_id=None,
            snapshot_id=None,
            base_model=base_model,
            path=str(folder),
            sha256=weights_sha256(folder),
            metrics={},
        ).name


def pin(world: Any, **asked: Any) -> int:
    run = world.play(n=2, **asked)
    return pins.pin(world.context, "Ada", run.id)


def states(view: PinView) -> dict[str, str]:
    return {one.version: one.state for one in view.answers}


def test_a_page_is_told_when_another_version_answers(asked: Any, adapter_folder: Folder) -> None:
    name = add_version(asked, adapter_folder("v1"))
    pin(asked)
    stamps = [pins.stamp(asked.context)]
    for wanted in (name, ""):
        with asked.database.write() as session:
            version = adapters.by_name(session, wanted) if wanted else None
            adapters.activate(session, version.id if version else None)
        stamps.append(pins.stamp(asked.context))
    assert stamps[0] != stamps[1] != stamps[2]


def test_every_version_answers_once_and_a_new_one_by_itself(
    asked: Any, adapter_folder: Folder
) -> None:
    add_version(asked, adapter_folder("v1"))
    pin_id = pin(asked, reference_answer="2")
    assert states(pins.read(asked.context, pin_id, "Ada")) == {"base": "waiting", "v1": "waiting"}
    answerer = PinAnswerer(asked.context)
    assert answerer.answer_missing() == 2
    assert answerer.answer_missing() == 0

    add_version(asked, adapter_folder("v2"))
    assert answerer.answer_missing() == 1
    view = pins.read(asked.context, pin_id, "Ada")
    assert [(one.version, one.responses) for one in view.answers] == [
        (name, (f"{name} says 1.", f"{name} says 2.")) for name in ("base", "v1", "v2")
    ]
    assert view.answers[0].marks == (False, True)
    assert versions.serving(asked.context) == "base"
    assert asked.context.engine.published() == frozenset()  # loaded for the answer alone


def test_stored_answers_are_shown_while_the_model_is_being_loaded(
    asked: Any, adapter_folder: Folder
) -> None:
    add_version(asked, adapter_folder("v1"))
    pin_id = pin(asked)
    PinAnswerer(asked.context).answer_missing()
    there = asked.context
    to_come = ReplaceableEngine(lambda *_: there.engine)
    settings = there.settings.model_copy(update={"model": there.base_model})
    view = pins.read(replace(there, engine=to_come, settings=settings), pin_id, "Ada")
    assert states(view) == {"base": "answered", "v1": "answered"}
    to_come.close()


def test_answers_are_greedy_and_people_go_first(asked: Any) -> None:
    pin_id = pin(asked)
    n_before = len(asked.engine.requests)
    PinAnswerer(asked.context).answer_missing()
    of_pin = asked.engine.requests[n_before:]
    assert {one.priority for one in of_pin} == {Priority.JOB}
    assert all(one.sampling.greedy for one in of_pin)
    assert len(of_pin) == 2
    assert pins.read(asked.context, pin_id, "Ada").pin.n_rounds == 2


def test_nothing_is_asked_twice_after_a_restart(asked: Any) -> None:
    pin(asked)
    assert PinAnswerer(asked.context).answer_missing() == 1
    assert PinAnswerer(asked.open(by_version)).answer_missing() == 0


def test_what_was_interrupted_is_asked_after_the_restart(asked: Any) -> None:
    pin_id = pin(asked)
    answerer = PinAnswerer(asked.context)
    answerer.close_soon()
    assert answerer.answer_missing() == 0
    assert states(pins.read(asked.context, pin_id, "Ada")) == {"base": "waiting"}
    assert PinAnswerer(asked.open(by_version)).answer_missing() == 1


def test_a_version_of_another_model_is_unavailable_with_the_reason(
    asked: Any, adapter_folder: Folder
) -> None:
    add_version(asked, adapter_folder("v1"), "another model")
    pin_id = pin(asked)
    PinAnswerer(asked.context).answer_missing()
    one = pins.read(asked.context, pin_id, "Ada").named("v1")
    assert one is not None
    assert one.state == "unavailable"
    assert "was trained on another model" in one.why


def test_a_version_whose_files_are_away_says_so_and_is_tried_again_when_asked(
    asked: Any, adapter_folder: Folder
) -> None:
    folder = adapter_folder("v1")
    add_version(asked, folder)
    pin_id = pin(asked)
    away = folder.rename(folder.with_name("away"))
    answerer = PinAnswerer(asked.context)
    assert answerer.answer_missing() == 1
    one = pins.read(asked.context, pin_id, "Ada").named("v1")
    assert one is not None
    assert one.state == "unavailable"
    assert "Put its files back" in one.why

    away.rename(folder)
    assert answerer.answer_missing() == 0  # not by itself, again and again
    assert pins.ask_again(asked.context, pin_id) == 1
    assert answerer.answer_missing() == 1
    assert states(pins.read(asked.context, pin_id, "Ada"))["v1"] == "answered"


def test_an_engine_that_fails_at_a_prompt_is_said(world: Any) -> None:
    pin_id = pin(world)
    failing = ScriptedEngine(by_version, failures={1: ContextTooLong("it broke")})
    world.open(engine=failing)
    assert PinAnswerer(world.context).answer_missing() == 0
    (one,) = pins.read(world.context, pin_id, "Ada").answers
    assert (one.state, one.why) == ("failed", "it broke")


def test_pinned_answers_are_nobody_s_runs(asked: Any) -> None:
    pin_id = pin(asked)
    PinAnswerer(asked.context).answer_missing()
    (one,) = pins.read(asked.context, pin_id, "Ada").answers
    assert one.run_id is not None
    found = history.search(asked.context, HistoryQuery(), "Ada")
    assert [row.run_id for row in found.rows] != [one.run_id]
    assert found.n_runs == 1
    assert found.rows[0].pinned
    board = asked.board(one.run_id)
    assert (board.is_kept, board.pin_id, board.mode) == (False, pin_id, "refine")
    assert "secret" not in repr(pins.read(asked.context, pin_id, "Ada"))


def test_marks_are_covered_while_the_reader_compares_them(asked: Any) -> None:
    pin_id = pin(asked, reference_answer="2")
    PinAnswerer(asked.context).answer_missing()
    (one,) = pins.read(asked.context, pin_id, "Ada").answers
    rounds = [cell.round_id for cell in asked.board(one.run_id).cells]
    compare.open_pair(asked.context, "Ada", *rounds)
    assert pins.read(asked.context, pin_id, "Ada").answers[0].marks == (None, None)
    assert pins.read(asked.context, pin_id, "Bob").answers[0].marks == (False, True)


def test_a_vote_on_answers_whose_versions_are_told_is_not_blind(
    asked: Any, adapter_folder: Folder
) -> None:
    add_version(asked, adapter_folder("v1"))
    pin_id = pin(asked)
    PinAnswerer(asked.context).answer_missing()
    base, v1 = (one.run_id for one in pins.read(asked.context, pin_id, "Ada").answers)
    first, second = ([cell.round_id for cell in asked.board(run_id).cells] for run_id in (base, v1))
    for name, pair in (("Ada", first), ("Bob", [first[0], second[0]])):
        key = compare.open_pair(asked.context, name, *pair)
        compare.vote(asked.context, name, key, "left")
    with asked.database.read() as session:
        assert [vote.blind for vote in preferences.current_votes(session)] == [True, False]


def test_what_changed_is_word_by_word(asked: Any, adapter_folder: Folder) -> None:
    add_version(asked, adapter_folder("v1"))
    pin_id = pin(asked)
    PinAnswerer(asked.context).answer_missing()
    base, v1 = pins.read(asked.context, pin_id, "Ada").answers
    assert [piece.kind.value for piece in pins.changes(base, v1, 1)] == ["removed", "added", "same"]
    assert pins.changes(base, v1, 5) == []


def test_the_prompt_of_a_run_is_unpinned_and_pinned_again(asked: Any) -> None:
    run = asked.play("What is 1 + 1?", n=1)
    pin_id = pins.pin(asked.context, "Ada", run.id)
    assert asked.board(run.id).pin_id == pin_id
    pins.unpin_run(asked.context, run.id)
    assert asked.board(run.id).pin_id is None
    with pytest.raises(NotFound, match=f"run {run.id} is not pinned"):
        pins.unpin_run(asked.context, run.id)
    assert pins.pin(asked.context, "Ada", run.id) == pin_id


def test_a_prompt_is_pinned_as_it_was_asked_up_to_a_number(asked: Any) -> None:
    asked.open(by_version, max_pins=1)
    drawn = asked.play("What is 1 + 1?", mode=play.Mode.SAMPLE, n=4)
    pin_id = pins.pin(asked.context, "Ada", drawn.id)
    assert pins.read(asked.context, pin_id, "Ada").pin.n_rounds == 1
    other = asked.play("What is 2 + 2?", n=1)
    with pytest.raises(Conflict, match="no more than 1"):
        pins.pin(asked.context, "Ada", other.id)
    pins.unpin(asked.context, pin_id)
    assert pins.listing(asked.context) == []
    with pytest.raises(InputError, match="choose 1 to 5"):
        pins.pin(asked.context, "Ada", other.id, 9)
    with pytest.raises(NotFound):
        pins.pin(asked.context, "Ada", 999)
