"""Answers errors with one sentence and a status, never a traceback."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from db.storage.errors import Conflict, DatabaseError, DiskFull, Missing
from ptrapp.api.bodies import in_words
from ptrapp.core import disk
from ptrapp.core.errors import (
    AdapterRejected,
    AdaptersUnsupported,
    AdapterUnavailable,
    AnswerUnclear,
    ContextTooLong,
    EngineError,
    Forbidden,
    JudgeError,
    NotFound,
    StorageError,
    ThriceError,
    TooMuch,
)
from ptrapp.core.file_table import FULL_TABLE, is_out_of_files
from ptrapp.core.public import in_public

FULL_DISK = "The disk of this server is full; make room and try again."
NEARLY_FULL_DISK = (
    "The disk of this server is nearly full; make room. Until then trainings are paused, and what "
    "finds no room is refused."
)


def answer_errors(app: FastAPI) -> None:
    """Makes the app answer our errors with one sentence and a status, never a traceback."""

    def correct(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError), "registered for this error only"
        return JSONResponse(
            {"error": f"The request cannot be used: {in_words(error.errors(), skip=1)}."}, 422
        )

    def refuse(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException), "registered for this error only"
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)

    def refuse_for_want_of_room(_: Request, error: Exception) -> JSONResponse:
        if is_out_of_files(error):
            return JSONResponse({"error": FULL_TABLE}, 503)
        if not disk.is_full(error):
            raise error
        return JSONResponse({"error": f"{FULL_DISK} Nothing of this was stored."}, 507)

    app.add_exception_handler(RequestValidationError, correct)
    app.add_exception_handler(OSError, refuse_for_want_of_room)
    app.add_exception_handler(HTTPException, refuse)
    app.add_exception_handler(ThriceError, lambda _, error: answer_to(error))
    app.add_exception_handler(DatabaseError, lambda _, error: answer_to(error))


def answer_to(error: Exception) -> JSONResponse:
    """Returns what is answered where one of our errors or the database's stopped a request."""
    columns = {"columns": error.columns} if isinstance(error, AnswerUnclear) else {}
    return JSONResponse({"error": in_public(str(error))} | columns, _status_of(error))


def _status_of(error: Exception) -> int:
    match error:
        case NotFound() | Missing():
            return 404
        case Forbidden():
            return 403
        case TooMuch():
            return 429
        case Conflict():
            return 409
        case JudgeError():
            return 422
        case ContextTooLong():
            return 400
        case AdapterRejected() | AdapterUnavailable() | AdaptersUnsupported():
            return 409
        case DiskFull():
            return 507
        case EngineError() | DatabaseError():
            return 503
        case StorageError():
            full = 507 if disk.is_full(error) else 500
            return 503 if is_out_of_files(error) else full
        case _:
            return 400
