"""Answers what no route takes: with the methods that its path takes, or that there is none."""

from starlette.exceptions import HTTPException
from starlette.routing import Match, get_route_path
from starlette.types import Receive, Scope, Send

from ptrapp.api.late_routes import AllUnder
from ptrapp.core.errors import NotFound


class NoRoute(AllUnder):
    """Comes after all routes under a prefix, and before the pages, which would answer else."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises `NotFound`, or for a path of another method the HTTP error that names it."""
        del receive, send  # whoever answers errors sends one
        path, method = get_route_path(scope), scope["method"]
        if allowed := ", ".join(_methods_of(scope)):
            told = f"{path} takes {allowed}, not {method}; see {self.prefix}/openapi.json."
            raise HTTPException(405, told, {"Allow": allowed})
        raise NotFound(f"There is no route {path}; see {self.prefix}/openapi.json.")


def _methods_of(scope: Scope) -> list[str]:
    """Returns the methods of the routes that have the path, in order."""
    found: set[str] = set()
    for route in scope["app"].router.routes:
        if route.matches(scope)[0] is Match.PARTIAL:
            found |= route.methods
    return sorted(found)
