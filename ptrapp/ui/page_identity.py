"""Names the pages that an app serves, so that one of before a restart is told from one that other
code made.

Gradio (6.31) draws a new number at each start. A page sends an event by its number among all of
them: to an app with other pages, that is another event.
"""

from hashlib import sha256

import gradio as gr

from ptrapp.core.settings import ASSETS
from ptrapp.core.version import VERSION

_FILES = ("head/*.js", "modules/**/*.js", "styles/*.css")
_MOST = 2**53
"""Larger whole numbers are not told apart by a page's scripts."""


def identify(pages: gr.Blocks) -> None:
    """Gives pages the same id at every start, as long as they and their files are the same."""
    found = sha256(f"{VERSION} {gr.__version__}".encode())
    for part in pages.blocks.values():
        found.update(f"{part._id} {part.get_block_name()} {part.elem_id}\n".encode())
    for event in pages.fns.values():
        takes, gives = ([one._id for one in parts] for parts in (event.inputs, event.outputs))
        found.update(f"{event._id} {event.api_name} {event.targets} {takes} {gives}\n".encode())
    for path in sorted(one for files in _FILES for one in ASSETS.glob(files)):
        found.update(path.relative_to(ASSETS).as_posix().encode() + path.read_bytes())
    pages.app_id = int.from_bytes(found.digest()[:8]) % _MOST
