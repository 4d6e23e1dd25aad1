"""The routes of the Data page and of scripts: import a file, export one, list what is stored."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.params import Depends
from fastapi.responses import FileResponse, Response
from pydantic import Field
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from db.models import RaterKind
from ptrapp.api.access import Caller
from ptrapp.api.bodies import Body
from ptrapp.api.streaming import StreamedExport, takes_chunks
from ptrapp.core.errors import InputError
from ptrapp.interchange.formats import Format, Options, Pairs
from ptrapp.interchange.limits import MIB, NETWORK
from ptrapp.services.context import AppContext
from ptrapp.services.files import exporting, importing
from ptrapp.services.files.export_process import ExportProcess
from ptrapp.services.files.export_rows import Completions
from ptrapp.services.files.exporting import ExportRequest, What
from ptrapp.services.files.import_preview import ImportPreview, preview_named
from ptrapp.services.files.import_process import ImportRequest, import_asked
from ptrapp.services.files.importing import Imported
from ptrapp.services.files.panel import read_panel
from ptrapp.services.files.pieces import STAGING, received

_FILE = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_MEDIA = {
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8",
}


class FileToImport(Body):
    """How the file in the body is read. What is not asked for here is refused, as everywhere."""

    file: str = Field("file", max_length=200)
    """Its name, which tells CSV from JSON."""
    name: str = Field("", max_length=importing.MAX_NAME)
    """What its answers are listed under; without one the file's name."""
    format: Format | None = None
    """Without one it is recognised."""
    skip_bad: bool = False
    """Leave malformed rows out."""
    answer_column: str = Field("", max_length=200)
    """The column that says which side is better, where several could."""
    pairs: Pairs = Pairs.ALL
    dry_run: bool = False
    """Store nothing, and say what was understood."""


class RowsToExport(Body):
    """Which rows are exported, and as what."""

    what: What = What.PREFERENCES
    kind: Literal["jsonl", "parquet", "csv"] = "jsonl"
    """The format, which the command line calls `--as`; csv is for votes."""
    campaign: str | None = Field(None, max_length=120)
    """Only this campaign's comparisons, by its name."""
    raters: list[RaterKind] | None = None
    """Only raters of these kinds, which the command line calls `--kind`; named several times."""
    completions: Completions = Completions.FULL
    up_to: int | None = Field(None, ge=0, le=2**31 - 1)
    """The state after this vote."""
    names: bool = False
    """Name people. Without it they are numbered."""
    expect: str | None = Field(None, max_length=64)
    """The SHA-256 that the rows must have."""


def add_data_routes(router: APIRouter, context: AppContext, *, admins: Sequence[Depends]) -> None:
    """Adds the routes, for `admins` alone: a file contains everybody's votes."""

    @router.get("/data", dependencies=admins)
    def data() -> dict[str, Any]:
        return read_panel(context).as_json()

    @router.post(
        "/import",
        dependencies=admins,
        openapi_extra={"requestBody": {"required": True, "content": _FILE}},
    )
    async def import_file(
        request: Request, person: Caller, read_as: Annotated[FileToImport, Query()]
    ) -> Imported | ImportPreview:
        """The file itself is the body; `file` is its name, which tells CSV from JSON.

        `dry_run` stores nothing and says what was understood: format, rows, votes by outcome,
        columns used and not used, and the first records as they would be stored.
        """
        with received(context.settings.data_dir / STAGING) as body:
            await _receive(request, body)
            called = Path(read_as.file).name or "file"
            fmt = read_as.format
            if read_as.dry_run:
                return await run_in_threadpool(
                    preview_named,
                    str(body.name),
                    Options(fmt, read_as.answer_column, read_as.pairs),
                    limits=NETWORK,
                    called=called,
                )
            ask = ImportRequest(
                given=str(body.name),
                called=called,
                name=read_as.name,
                fmt=fmt.value if fmt else "",
                answer_column=read_as.answer_column,
                pairs=read_as.pairs.value,
                skip_bad=read_as.skip_bad,
                by=person.name,
            )
            return await run_in_threadpool(import_asked, context, ask)

    @router.get("/export", dependencies=admins)
    async def export_file(request: Request, asked: Annotated[RowsToExport, Query()]) -> Response:
        """The rows are sent while they are read; one that is cut off ends without its last chunk.

        Its hash is known at the end: `GET /data` lists it. With `expect`, the hash that it must
        have, the file is made first and the hash is in the header `X-Content-SHA256` too.
        """
        kind = asked.kind
        ask = ExportRequest(
            asked.what,
            asked.campaign,
            frozenset(asked.raters) if asked.raters else None,
            asked.completions,
            asked.up_to,
            asked.names,
        )
        ask = await run_in_threadpool(exporting.fixed, context, ask, kind)
        name = f"thrice-{ask.what}-{ask.up_to}.{kind}"
        headers = {"X-Up-To": str(ask.up_to)}
        if asked.expect is not None or not takes_chunks(request):
            path, manifest = await run_in_threadpool(
                exporting.write_temporary, context, ask, kind, expect=asked.expect
            )
            return FileResponse(
                path,
                media_type=_MEDIA[kind],
                filename=name,
                headers=headers | {"X-Content-SHA256": manifest.sha256},
                background=BackgroundTask(path.unlink, missing_ok=True),
            )
        export = await ExportProcess.start(context.settings, ask, kind)
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return StreamedExport(export, _MEDIA[kind], headers, context.settings.request_timeout_s)


async def _receive(request: Request, body: Any) -> None:
    """Writes the body of a request to a file while it arrives."""
    n_bytes = 0
    try:
        async for part in request.stream():
            n_bytes += len(part)
            if n_bytes > NETWORK.n_bytes:
                raise InputError(
                    f"The file is larger than {NETWORK.n_bytes // MIB} MiB. Give it in parts, or "
                    "import it with: python -m ptrapp import FILE"
                )
            body.write(part)
    except ClientDisconnect as error:
        raise InputError("The file did not arrive whole; nothing was imported.") from error
    if not n_bytes:
        raise InputError("The request holds no file: send it as the body of the request.")
    body.flush()
