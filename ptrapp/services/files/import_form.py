"""An import as a page asks for it: by a file that was sent, or by the name of a data set."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ptrapp.core.errors import InputError
from ptrapp.interchange.formats import Format, Options, Pairs
from ptrapp.interchange.limits import MIB, NETWORK
from ptrapp.services import sources
from ptrapp.services.context import AppContext
from ptrapp.services.files.import_preview import ImportPreview, preview_named
from ptrapp.services.files.import_process import ImportRequest, import_asked
from ptrapp.services.files.importing import Imported
from ptrapp.tasks.hub import PREFIX

FORMATS = tuple(one.value for one in Format)
PAIRS = (("every two", Pairs.ALL.value), ("the best and the worst", Pairs.BEST_WORST.value))
MOST = f"{NETWORK.n_bytes // MIB} MiB and {NETWORK.n_rows:,} rows"
"""The largest file that a page takes."""


@dataclass(frozen=True, slots=True)
class ImportOrder:
    """What is imported, and how."""

    file: str = ""
    """Path of a file that was sent; its name is the file's own."""
    hub: str = ""
    """A data set of the hub, with or without `hf:`; it goes before the file."""
    name: str = ""
    fmt: str = ""
    """Empty where the columns tell it."""
    answer_column: str = ""
    pairs: str = Pairs.ALL.value
    skip_bad: bool = False

    @property
    def given(self) -> str:
        if self.hub:
            return self.hub if self.hub.startswith(PREFIX) else PREFIX + self.hub
        return self.file

    @property
    def called(self) -> str:
        return self.given if self.hub else Path(self.file).name

    @property
    def options(self) -> Options:
        return Options(
            Format(self.fmt) if self.fmt else None, self.answer_column, Pairs(self.pairs)
        )


def preview(context: AppContext, order: ImportOrder) -> ImportPreview:
    """Says what is read, and stores nothing. Raises `InputError` for a path on the server, and
    for a file that is gone."""
    _refuse_paths(context, order)
    _find(order)
    return preview_named(order.given, order.options, limits=NETWORK, called=order.called)


def store(
    context: AppContext, order: ImportOrder, by: str, begun: Callable[[int], None]
) -> Imported:
    """Imports what was asked for, as `importing.import_named` does."""
    _refuse_paths(context, order)
    _find(order)
    ask = ImportRequest(
        given=order.given,
        called=order.called,
        name=order.name,
        fmt=order.fmt,
        answer_column=order.answer_column,
        pairs=order.pairs,
        skip_bad=order.skip_bad,
        by=by,
    )
    return import_asked(context, ask, begun)


def _find(order: ImportOrder) -> None:
    """Raises `InputError` where the file that was sent is not there any more."""
    if not order.hub and not Path(order.file).is_file():
        raise InputError(
            f"{order.called} is gone: what is sent is kept for an hour or two, and not while the "
            "app is started again; choose it again."
        )


def _refuse_paths(context: AppContext, order: ImportOrder) -> None:
    if order.hub:
        sources.check(context.settings, {"prompts": order.given})
