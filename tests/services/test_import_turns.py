"""The process of an import writes in the app's queue: in order, and never for long."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from stored_votes import RowContext

from db.content import prompts
from db.labelling import imports
from db.models import ImportState, Vote
from db.storage.errors import DatabaseReadOnly
from ptrapp.core.errors import StorageError
from ptrapp.services.files import import_process, importing, turns
from ptrapp.services.files.import_process import ImportRequest, import_asked
from ptrapp.services.files.turns import AskedTurns, TurnGiver

N = 2_600
"""Over the bound from which an import is written in pieces."""
WAIT_S = 30.0
KEEPS_ITS_TURN = "import sys, time; sys.stdin.readline(); time.sleep(60)"
RETURNS_IT = "import sys\nfor line in sys.stdin: print(line.strip(), flush=True)"


@pytest.fixture
def process(request: pytest.FixtureRequest) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", request.param]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as started:  # type: ignore[call-overload]
        yield started
        started.kill()


def file_of(tmp_path: Path, name: str = "pairs", n: int = N) -> ImportRequest:
    file = tmp_path / f"{name}.jsonl"
    rows = (
        {"prompt": f"Why {name} {at}?", "chosen": f"So {at}.", "rejected": "No."} for at in range(n)
    )
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return ImportRequest(str(file), file.name, name)


def write(at: RowContext, text: str) -> None:
    with at.database.write(shared=True) as session:
        prompts.ensure_prompt(session, text, source="play")


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The process of each turn that was given, in order."""
    seen: list[int] = []
    give = TurnGiver.give

    def note(self: TurnGiver) -> None:
        give(self)
        seen.append(self._process.pid)

    monkeypatch.setattr(TurnGiver, "give", note)
    return seen


def test_people_write_between_its_turns_and_wait_for_few(
    at: RowContext, tmp_path: Path, given: list[int]
) -> None:
    over, waited = threading.Event(), list[int]()

    def vote() -> None:
        while not over.is_set():
            before = len(given)
            write(at, f"asked meanwhile {len(waited)}")
            waited.append(len(given) - before)
            time.sleep(0.002)

    voter = threading.Thread(target=vote)
    voter.start()
    done = import_asked(at, file_of(tmp_path))
    over.set()
    voter.join()
    assert done.n_new == N
    assert len(given) > 5
    assert max(waited) <= 2, "the turn that it met, and one that was asked for before it"
    assert sum(waited) > 0, "they wrote while the import did"


def test_two_imports_take_turns(at: RowContext, tmp_path: Path, given: list[int]) -> None:
    both = file_of(tmp_path, "one"), file_of(tmp_path, "two")
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda ask: import_asked(at, ask), both))
    assert [each.n_new for each in done] == [N, N]
    assert len(set(given)) == 2
    with at.database.read() as session:
        assert session.query(Vote).count() == 2 * N


def test_one_that_dies_in_its_turn_gives_it_back(
    at: RowContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_turns = [0]
    turn = type(at.database).turn

    def kill_in_the_fifth(self: object) -> object:
        n_turns[0] += 1
        if n_turns[0] == 5:
            (child,) = (one for one in psutil.Process().children() if is_import(one))
            child.kill()
            child.wait()
        return turn(at.database)

    monkeypatch.setattr(type(at.database), "turn", kill_in_the_fifth)
    with pytest.raises(StorageError, match="finished at the app's next start"):
        import_asked(at, file_of(tmp_path))
    write(at, "asked afterwards")
    importing.finish_imports(at)
    with at.database.read() as session:
        assert session.query(Vote).count() == N
        assert imports.page(session)[0][0].state is ImportState.DONE


def is_import(process: psutil.Process) -> bool:
    return import_process.COMMAND[-1] in process.cmdline()


@pytest.mark.parametrize("process", [KEEPS_ITS_TURN], indirect=True)
def test_one_that_keeps_its_turn_is_killed_and_the_next_one_goes_on(
    at: RowContext, process: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "LONGEST_S", 0.2)
    TurnGiver(at.database, process).give()
    assert process.wait(WAIT_S) != 0
    write(at, "asked afterwards")


@pytest.mark.parametrize("process", [KEEPS_ITS_TURN], indirect=True)
def test_one_that_has_ended_gets_no_turn(at: RowContext, process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()
    TurnGiver(at.database, process).give()
    write(at, "asked afterwards")


@pytest.mark.parametrize("process", [RETURNS_IT], indirect=True)
def test_it_is_told_whether_others_wrote_since_its_last_turn(
    at: RowContext, process: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[bool] = []
    assert process.stdout is not None
    read = process.stdout.readline

    def readline() -> str:
        line = read()
        said.append(json.loads(line)[turns.ALONE])
        return line

    monkeypatch.setattr(process.stdout, "readline", readline)
    giver = TurnGiver(at.database, process)
    giver.give()
    write(at, "asked meanwhile")
    giver.give()
    giver.give()
    assert said == [True, False, True]


def test_a_stop_of_all_writes_stops_the_import(at: RowContext, tmp_path: Path) -> None:
    def stop(_: int) -> None:
        at.database.stop_writes("The copy on the hub is another app's now.")

    with pytest.raises(DatabaseReadOnly, match="another app's"):
        import_asked(at, file_of(tmp_path), stop)
    with at.database.read() as session:
        assert session.query(Vote).count() == 0
    assert not [one for one in psutil.Process().children() if is_import(one)]


def test_a_turn_is_asked_for_and_given_back_though_the_block_fails() -> None:
    said: list[dict[str, bool]] = []
    asked = AskedTurns(said.append)
    asked.grant({turns.ALONE: True})
    with pytest.raises(ZeroDivisionError), asked.turn():
        raise ZeroDivisionError
    assert asked.alone
    assert said == [{turns.ASKED: True}, {turns.OVER: True}]
