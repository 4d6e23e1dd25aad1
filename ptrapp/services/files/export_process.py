"""Runs an export in a process of its own, and reads its rows while they are made.

Making rows is work of the interpreter: in the app's own, everybody who votes would wait for it.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from asyncio.subprocess import Process, SubprocessStreamProtocol
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import IO, Self

from ptrapp.core.errors import StorageError
from ptrapp.core.import_path import with_import_path
from ptrapp.core.settings import Settings
from ptrapp.services.files.exporting import ExportRequest

PART = 64 * 1024
"""Bytes that are read at once."""
COMMAND = (sys.executable, "-m", "ptrapp", "export", "--to", "-")


class ExportProcess:
    """A running export; `close` ends it, wherever it is."""

    def __init__(
        self, transport: asyncio.SubprocessTransport, process: Process, said: IO[bytes]
    ) -> None:
        self._transport = transport
        self._process = process
        self._said = said
        self._first = b""

    @classmethod
    async def start(cls, settings: Settings, ask: ExportRequest, kind: str) -> Self:
        """Starts it, and returns with its first rows. Raises `StorageError` where none can come."""
        said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        loop = asyncio.get_running_loop()
        transport, streams = await loop.subprocess_exec(
            lambda: SubprocessStreamProtocol(PART, loop),
            *COMMAND,
            *_options(ask, kind),
            env=with_import_path(os.environ | settings.as_environment()),
            stdin=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,  # Ctrl-C in the terminal reaches the app alone
        )
        export = cls(transport, Process(transport, streams, loop), said)
        with ExitStack() as undo:
            undo.callback(export.close)
            export._first = await export._next()
            undo.pop_all()
        return export

    async def parts(self) -> AsyncIterator[bytes]:
        """Yields the bytes. Raises `StorageError` unless what was yielded is the whole export."""
        part = self._first
        while part:
            yield part
            part = await self._next()

    def close(self) -> None:
        self._transport.close()  # which kills it, if it runs
        self._said.close()

    async def _next(self) -> bytes:
        """Returns what comes next; nothing at the end of a whole export."""
        assert self._process.stdout is not None, "asked for"
        part = await self._process.stdout.read(PART)
        if not part and (status := await self._process.wait()):
            self._said.seek(0)
            last = self._said.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise StorageError(f"The export ended before it was whole (status {status}): {last}")
        return part


def _options(ask: ExportRequest, kind: str) -> list[str]:
    """Returns the request as options of the command."""
    options = ["--as", kind, "--what", ask.what.value, "--completions", ask.completions.value]
    if ask.campaign is not None:
        options.append(f"--campaign={ask.campaign}")
    if ask.up_to is not None:
        options.append(f"--up-to={ask.up_to}")
    options += [f"--kind={kind.value}" for kind in sorted(ask.kinds or ())]
    return [*options, "--names"] if ask.names else options
