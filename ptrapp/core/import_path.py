"""The environment in which another Python process imports our packages, and no others of the name.

`python -m` looks into the current folder first, which may be anybody's and hold a `training` of
its own: `PYTHONSAFEPATH` leaves it out.
"""

import os
import site
import sysconfig
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


def with_import_path(environment: dict[str, str]) -> dict[str, str]:
    """`environment` for a process of ours, which finds our packages wherever it is started.

    Where we are installed it finds them by itself. `PYTHONPATH` is then left alone: it is searched
    before the standard library, which a package installed beside us could hide.
    """
    environment = environment | {"PYTHONSAFEPATH": "1"}
    if _ROOT in _site_packages():
        return environment
    path = os.pathsep.join(filter(None, (str(_ROOT), environment.get("PYTHONPATH"))))
    return environment | {"PYTHONPATH": path}


def _site_packages() -> set[Path]:
    """The folders this interpreter installs into, the user's own among them."""
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    if site.ENABLE_USER_SITE:
        folders.add(site.getusersitepackages())
    return {Path(folder).resolve() for folder in folders}
