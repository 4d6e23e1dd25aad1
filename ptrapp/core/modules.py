"""The pages' ES modules, and the address under which browsers keep them: it changes with them."""

from hashlib import sha256
from pathlib import Path

from ptrapp.core.settings import ASSETS

FOLDER: Path = ASSETS / "modules"


def version() -> str:
    """Returns a hash of all modules."""
    found = sha256()
    for path in sorted(FOLDER.rglob("*.js")):
        found.update(path.relative_to(FOLDER).as_posix().encode() + path.read_bytes())
    return found.hexdigest()[:12]


AT = f"modules/{version()}"
"""Their address below the app's own, as this process serves them."""
