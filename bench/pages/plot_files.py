"""What of a page comes only with a plot: scripts of Gradio's, and what is drawn."""

import json
import re
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_PACKAGE = find_spec("gradio")
_FOLDER = Path((_PACKAGE and _PACKAGE.origin) or "").parent / "templates" / "frontend" / "assets"
_DRAWS = re.compile(r"vega|[Pp]lot")
_IMPORTED = re.compile(r"""(?:from|import)\s*["']\./([\w.-]+\.js)["']""")


def only_for_plots(loaded: Iterable[str]) -> set[str]:
    """Returns those of the loaded files that draw plots, and what they alone import."""
    names = set(loaded)
    drawing = _with_imports(name for name in names if _DRAWS.search(name)) & names
    return drawing - _with_imports(names - drawing)


def plots_in(events: str) -> int:
    """Returns the bytes of the plots among what a stream of Gradio's events tells."""
    told = (json.loads(one[5:]) for one in events.splitlines() if one.startswith("data:"))
    values = (value for one in told for value in (one.get("output") or {}).get("data") or ())
    drawn = (value["value"] for value in values if isinstance(value, dict) and "value" in value)
    return sum(
        len(one["plot"].encode())
        for one in drawn
        if isinstance(one, dict) and one.get("type") == "altair"
    )


def _with_imports(names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    ahead = list(names)
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += _imported(name)
    return found


@cache
def _imported(name: str) -> frozenset[str]:
    file = _FOLDER / name
    if not file.is_file():
        return frozenset()
    return frozenset(_IMPORTED.findall(file.read_text(encoding="utf-8")))
