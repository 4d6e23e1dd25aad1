"""Imports a large file in a process of its own: `python -m ptrapp.services.files.import_process`.

Reading, checking and storing rows is work of the interpreter: in the app's own, everybody who votes
would wait for it. The process takes one JSON object, an `ImportRequest`, and says in JSON, a line
each, under which number it began and how it ended; in between it asks for its turns to write. It
ends with its standard input, so with the app; what it had begun is finished by the app's next
start.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

from db.models import ImportState
from db.storage.errors import DatabaseError
from db.storage.session import Database, open_database
from ptrapp.core.errors import AnswerUnclear, InputError, StorageError, ThriceError
from ptrapp.core.import_path import with_import_path
from ptrapp.core.settings import Settings, load_settings
from ptrapp.interchange.formats import Format, Options, Pairs
from ptrapp.interchange.limits import MIB, NETWORK
from ptrapp.services.context import DataContext
from ptrapp.services.files import importing, imports, pieces
from ptrapp.services.files.imported import Imported
from ptrapp.services.files.pieces import STAGING
from ptrapp.services.files.turns import ASKED, AskedTurns, TurnGiver
from ptrapp.tasks.hub import PREFIX

LARGE = MIB
"""Bytes from which a file gets a process, which takes a second or two to start."""
COMMAND = (sys.executable, "-m", "ptrapp.services.files.import_process")


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What is imported over the network, and how; see `importing.import_named`."""

    given: str
    """Path of a file, or `hf:NAME[:CONFIG][:SPLIT]`."""
    called: str
    name: str = ""
    fmt: str = ""
    answer_column: str = ""
    pairs: str = Pairs.ALL.value
    skip_bad: bool = False
    by: str = ""

    @property
    def options(self) -> Options:
        return Options(
            Format(self.fmt) if self.fmt else None, self.answer_column, Pairs(self.pairs)
        )


class _Context(NamedTuple):
    settings: Settings
    database: Database
    base_model: str = ""


def import_asked(
    context: DataContext, ask: ImportRequest, begun: Callable[[int], None] | None = None
) -> Imported:
    """Imports as `importing.import_named` does, with the same errors; what is large, elsewhere."""
    is_file = not ask.given.startswith(PREFIX)
    if is_file and Path(ask.given).stat().st_size < LARGE:
        return _import(context, ask, begun)
    import_id = 0
    for said in _said(context, ask):
        if "begun" in said:
            import_id = said["begun"]
            if begun is not None:
                begun(import_id)
        elif "done" in said:
            with context.database.write():
                pass  # tells who keeps copies that something was stored
            return _imported(said["done"])
        elif "error" in said:
            raise _error(said)
    raise _cut_off(context, ask.called, import_id)


def main() -> None:
    """Carries out the request on standard input."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is no answer

    def say(what: dict[str, Any]) -> None:
        answers.write(json.dumps(what) + "\n")
        answers.flush()

    ask = ImportRequest(**json.loads(sys.stdin.readline()))
    turns = AskedTurns(say)
    threading.Thread(target=_listen, args=(turns,), daemon=True).start()
    try:
        settings = load_settings()
        context = _Context(settings, open_database(settings.database, turns=turns))
        done = _import(context, ask, lambda import_id: say({"begun": import_id}))
        say({"done": done.as_json()})
    except (ThriceError, DatabaseError, OSError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        say(
            {
                "error": type(error).__name__,
                "words": str(error),
                "columns": error.columns if isinstance(error, AnswerUnclear) else (),
                "errno": cause.errno if isinstance(cause, OSError) else None,
            }
        )


def _import(
    context: DataContext, ask: ImportRequest, begun: Callable[[int], None] | None
) -> Imported:
    options = ask.options
    return importing.import_named(
        context,
        ask.given,
        fmt=options.fmt,
        name=ask.name,
        skip_bad=ask.skip_bad,
        limits=NETWORK,
        called=ask.called,
        answer_column=options.answer_column,
        pairs=options.pairs,
        by=ask.by,
        begun=begun,
    )


def _said(context: DataContext, ask: ImportRequest) -> Iterator[dict[str, Any]]:
    """Yields what the process says, and grants its turns; it ends when no more is wanted."""
    with subprocess.Popen(
        COMMAND,
        env=with_import_path(os.environ | context.settings.as_environment()),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,  # Ctrl-C in the terminal reaches the app alone
    ) as process:
        assert process.stdin is not None, "asked for"
        assert process.stdout is not None, "asked for"
        process.stdin.write(json.dumps(asdict(ask)) + "\n")
        process.stdin.flush()
        turns = TurnGiver(context.database, process)
        for line in process.stdout:
            said = json.loads(line)
            if ASKED in said:
                turns.give()
            else:
                yield said


def _cut_off(context: DataContext, called: str, import_id: int) -> ThriceError:
    """Returns what became of an import whose process ended without a word."""
    if not import_id:
        return StorageError(
            f"The process that imports {called} ended before it stored anything; nothing was "
            "imported. Import it again; the app's log says more."
        )
    state = imports.view(context, import_id).state
    if state == ImportState.CANCELLED:
        pieces.clear(context.settings.data_dir / STAGING, import_id)
        return InputError("The import was cancelled; nothing of it is shown.")
    if state == ImportState.DONE:
        return StorageError(
            f"The process that imports {called} ended when all was stored: it is import "
            f"{import_id}, and it is shown."
        )
    return StorageError(
        f"The process that imports {called} ended before all was stored, and nothing of it is "
        f"shown. It waits as import {import_id} and is finished at the app's next start; import "
        "the file again to have it sooner, or cancel it. The app's log says more."
    )


def _listen(turns: AskedTurns) -> None:
    """Hands on the app's answers, and ends the process with them."""
    for line in sys.stdin:
        turns.grant(json.loads(line))
    os._exit(1)


def _imported(row: dict[str, Any]) -> Imported:
    lists = {name: tuple(value) for name, value in row.items() if isinstance(value, list)}
    known = {each.name for each in fields(Imported)}
    return Imported(**{name: value for name, value in (row | lists).items() if name in known})


def _error(said: dict[str, Any]) -> Exception:
    """Returns the error that ended the process, with the class that says what it is."""
    name, words = said["error"], said["words"]
    if name == AnswerUnclear.__name__:
        return AnswerUnclear(words, said["columns"])
    kinds = {kind.__name__: kind for root in (ThriceError, DatabaseError) for kind in _kinds(root)}
    cause = OSError(said["errno"], os.strerror(said["errno"])) if said["errno"] else None
    if name not in kinds:
        return cause or StorageError(words)
    error = kinds[name](words)
    error.__cause__ = cause
    return error


def _kinds(root: type[Exception]) -> Iterator[type[Exception]]:
    yield root
    for kind in root.__subclasses__():
        yield from _kinds(kind)


if __name__ == "__main__":
    main()
