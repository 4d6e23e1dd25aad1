"""Answers what no route takes: with the methods that its path takes, or that there is none."""

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, get_route_path
from starlette.types import Receive, Scope, Send

from ptrapp.core.errors import NotFound


class NoRoute(BaseRoute):
    """Comes after all routes under a prefix, and before the pages, which would answer else."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path = get_route_path(scope)
        is_under = scope["type"] == "http" and f"{path}/".startswith(f"{self._prefix}/")
        return (Match.FULL if is_under else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises `NotFound`, or for a path of another method the HTTP error that names it."""
        del receive, send  # whoever answers errors sends one
        path, method = get_route_path(scope), scope["method"]
        if allowed := ", ".join(_methods_of(scope)):
            told = f"{path} takes {allowed}, not {method}; see {self._prefix}/openapi.json."
            raise HTTPException(405, told, {"Allow": allowed})
        raise NotFound(f"There is no route {path}; see {self._prefix}/openapi.json.")


def _methods_of(scope: Scope) -> list[str]:
    """Returns the methods of the routes that have the path, in order."""
    found: set[str] = set()
    for route in scope["app"].router.routes:
        if route.matches(scope)[0] is Match.PARTIAL:
            found |= route.methods
    return sorted(found)
