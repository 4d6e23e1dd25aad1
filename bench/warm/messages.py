"""Messages between processes of one machine, with open files beside them."""

import array
import json
import socket
from typing import Any

LAUNCHER = "launcher"
"""Name of the process that forks a worker's training processes."""


def send(to: socket.socket, message: dict[str, Any], *descriptors: int) -> None:
    content = json.dumps(message).encode()
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
    to.sendmsg([len(content).to_bytes(4)], rights if descriptors else [])
    to.sendall(content)


def receive(source: socket.socket) -> tuple[Any, list[int]]:
    """The next message and the open files that came with it. Raises `EOFError` at the end."""
    size, rights, *_ = source.recvmsg(4, socket.CMSG_SPACE(4))
    if not size:
        raise EOFError
    descriptors = array.array("i")
    for _, _, given in rights:
        descriptors.frombytes(given)
    return json.loads(source.recv(int.from_bytes(size), socket.MSG_WAITALL)), list(descriptors)
