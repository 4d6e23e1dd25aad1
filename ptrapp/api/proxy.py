"""Serves the app behind a reverse proxy, under the address that a trusted proxy forwards."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from ipaddress import ip_address, ip_network

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_ADDRESSES_KEPT = 1_024
"""Of which it is remembered whether a proxy there is trusted."""
_SCHEMES = frozenset({"http", "https"})
_WITH_PORT = re.compile(r"\[(?P<ipv6>[^\]]+)\](?::\d+)?|(?P<ipv4>[^:]+):\d+")


def root_of(request: HTTPConnection) -> str:
    """Returns the path under which visitors find the app; empty at a host's root."""
    return str(request.scope.get("root_path", ""))


class BehindProxy:
    """Takes host, scheme and client from `X-Forwarded-*`, and serves everything under a path.

    These headers count where a trusted proxy sent them. They are removed in any case, because
    Gradio reads them as well and trusts everybody.
    """

    def __init__(self, app: ASGIApp, root_path: str = "", trusted: Sequence[str] = ()) -> None:
        self._app = app
        self._root_path = root_path
        """Path under which visitors find the app, such as `/thrice`; empty at a host's root."""
        self._trusted = [ip_network(each) for each in trusted]
        self._trusts = lru_cache(_ADDRESSES_KEPT)(self._is_trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if self._root_path and scope["type"] == "http" and scope["path"] == self._root_path:
            # without the slash, a page's relative addresses would lead beside the app
            query = scope["query_string"].decode("latin-1")
            to = f"{self._root_path}/{'?' if query else ''}{query}"
            await RedirectResponse(to, 307)(scope, receive, send)
            return
        forwarded = {**scope, **self._origin(scope), **self._prefixed(scope)}
        await self._app(forwarded, receive, send)

    def _origin(self, scope: Scope) -> Scope:
        """Returns headers, scheme and client as a trusted proxy forwards them."""
        received = Headers(scope=scope)
        headers = [pair for pair in scope["headers"] if not pair[0].startswith(b"x-forwarded-")]
        client = scope.get("client")
        if client is None or not self._trusts(client[0]):
            return {"headers": headers}
        origin: Scope = {"headers": headers}
        if host := _first(received, "x-forwarded-host"):
            others = [pair for pair in headers if pair[0] != b"host"]
            origin["headers"] = [(b"host", host.encode("latin-1")), *others]
        if (scheme := _first(received, "x-forwarded-proto").lower()) in _SCHEMES:
            is_socket = scope["type"] == "websocket"
            origin["scheme"] = scheme.replace("http", "ws") if is_socket else scheme
        for address in _from_the_last(received, "x-forwarded-for"):
            origin["client"] = (address, 0)
            if not self._trusts(address):  # anybody may have written the addresses before it
                break
        return origin

    def _prefixed(self, scope: Scope) -> Scope:
        """Returns the path with the prefix, whether the proxy kept or removed it."""
        prefix, path = self._root_path, scope["path"]
        if not prefix or path.startswith(f"{prefix}/"):
            return {"root_path": prefix}
        raw = prefix.encode("ascii") + (scope.get("raw_path") or path.encode())
        return {"root_path": prefix, "path": prefix + path, "raw_path": raw}

    def _is_trusted(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:
            return False
        found = getattr(found, "ipv4_mapped", None) or found
        return any(found in network for network in self._trusted)


def _first(headers: Headers, name: str) -> str:
    """Returns the value that the proxy next to the visitor set."""
    return headers.get(name, "").partition(",")[0].strip()


def _from_the_last(headers: Headers, name: str) -> Iterator[str]:
    """Yields addresses, without the ports that some proxies write: each connection has another."""
    for value in reversed(",".join(headers.getlist(name)).split(",")):
        address = value.strip()
        if found := _WITH_PORT.fullmatch(address):
            address = found["ipv6"] or found["ipv4"]
        if address:
            yield address
