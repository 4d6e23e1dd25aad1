"""Answers with a file while it is made, so that a client sees where it was cut off.

The length of the body is not known when it begins, so it is sent in chunks, and the chunk that ends
it is sent only after the last row: a connection that closes before is an error for every client. A
client of HTTP/1.0 knows no chunks and takes the end of the connection for the end of the file: such
a one is given a file that was made first, with its length.
"""

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Message, Send

from ptrapp.services.files.export_process import ExportProcess


def takes_chunks(request: Request) -> bool:
    return bool(request.scope.get("http_version") != "1.0")


class StreamedExport(StreamingResponse):
    """An export that is read from its process; the process ends with the answer."""

    def __init__(
        self, export: ExportProcess, media_type: str, headers: dict[str, str], stall_s: float
    ) -> None:
        """Breaks off where the client takes nothing for `stall_s` seconds: while it runs, the
        export holds an older state of the database."""
        super().__init__(export.parts(), media_type=media_type, headers=headers)
        self._export = export
        self._stall_s = stall_s

    async def stream_response(self, send: Send) -> None:
        try:
            await super().stream_response(_in_time(send, self._stall_s))
        finally:
            self._export.close()


def _in_time(send: Send, stall_s: float) -> Callable[[Message], Awaitable[None]]:
    async def send_in_time(message: Message) -> None:
        async with asyncio.timeout(stall_s):
            await send(message)

    return send_in_time
