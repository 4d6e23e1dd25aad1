"""Serves the pages' ES modules, which hold nothing that only some may see."""

from fastapi import FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from ptrapp.core import modules

FOREVER = "public, max-age=31536000, immutable"


class ModuleFiles(StaticFiles):
    """Files that a browser may keep for good: their address has a hash of all of them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code == 200:
            response.headers["Cache-Control"] = FOREVER
        return response


def add_modules(app: FastAPI) -> None:
    app.mount(f"/{modules.AT}", ModuleFiles(directory=modules.FOLDER), name="modules")
