"""An answer of a few bytes is on its way at once: it does not wait for the browser's receipt."""

import asyncio
import socket
from typing import Any

import pytest

from ptrapp.core.settings import load_settings


@pytest.fixture(scope="module")
def app() -> Any:
    from ptrapp import app  # Gradio takes seconds to import

    return app


def test_a_connection_sends_small_pieces_at_once(app: Any) -> None:
    """Head and body of an answer are two writes: without this the second waits 40 ms."""

    async def undelayed() -> bool:
        told = asyncio.get_running_loop().create_future()

        def accepted(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            told.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        listener = app._listen(load_settings(["--port", str(port)]))
        async with await asyncio.start_server(accepted, sock=listener):
            _, browser = await asyncio.open_connection("127.0.0.1", port)
            async with asyncio.timeout(10):
                found = await told
            browser.close()
        return bool(found)

    assert asyncio.run(undelayed())
