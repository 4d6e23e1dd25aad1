"""Serves the pages' ES modules, which hold nothing that only some may see."""

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from ptrapp.api.page_files import PageFiles
from ptrapp.core import modules


def add_modules(app: FastAPI) -> None:
    app.mount(f"/{modules.AT}", StaticFiles(directory=modules.FOLDER), name="modules")
    app.add_middleware(PageFiles)
