"""Operations on imports: list them, see one, cancel one that runs, undo one that is done."""

from typing import Annotated

from pydantic import Field

from ptrapp.api.access import Caller
from ptrapp.api.bodies import Body
from ptrapp.api.operations.operation import Id
from ptrapp.services.context import AppContext
from ptrapp.services.files import imports
from ptrapp.services.files.imports import ImportView, UndoneImport


class UndoOfImport(Body):
    """An undo, or the question what it would do."""

    dry_run: Annotated[bool, Field()] = False
    """Whether only to say what would be hidden and what stays."""


def list_imports(context: AppContext) -> list[ImportView]:
    """The newest imports: name, file, state, what each added. For admins."""
    return imports.listing(context, at_once=200)[0]


def one_import(context: AppContext, import_id: Id) -> ImportView:
    """One import; while it runs, how far it is. For admins."""
    return imports.view(context, import_id)


def cancel_import(context: AppContext, import_id: Id) -> ImportView:
    """Stop a running import; nothing of it is shown. For admins."""
    imports.cancel(context, import_id)
    return imports.view(context, import_id)


def undo_import(
    context: AppContext, import_id: Id, person: Caller, body: UndoOfImport
) -> UndoneImport:
    """Hide what an import brought from offers, training, exports and counts. For admins.

    Votes that people gave on it stay in the log. Importing the file again shows it again.
    """
    if body.dry_run:
        return imports.preview_undo(context, import_id)
    return imports.undo(context, import_id, person.name)
