"""Serves the pages' ES modules, which hold nothing that only some may see."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from ptrapp.api.page_files import PageFiles
from ptrapp.core import modules

FRAME_SCRIPT = "/static/js/iframeResizer.contentWindow.min.js"
"""What Gradio's pages load to tell the page around them their height: 5 KB, compressed."""


def add_modules(app: FastAPI, *, framed: bool) -> None:
    """Serves the modules; where no site may frame the pages, nothing in place of Gradio's script
    for frames."""
    app.mount(f"/{modules.AT}", StaticFiles(directory=modules.FOLDER), name="modules")
    if not framed:
        app.add_route(FRAME_SCRIPT, _nothing, include_in_schema=False)
    app.add_middleware(PageFiles)


async def _nothing(_: Request) -> Response:
    return Response(media_type="text/javascript", headers={"Cache-Control": "max-age=3600"})
