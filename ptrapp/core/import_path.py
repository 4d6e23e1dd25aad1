"""Makes the environment in which another Python process imports our packages and no namesakes.

`python -m` looks into the current folder first, which may contain another `training`;
`PYTHONSAFEPATH` leaves it out.
"""

import os
import site
import sysconfig
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


def with_import_path(environment: dict[str, str]) -> dict[str, str]:
    """Returns `environment` for a process that finds our packages wherever it is started.

    Where they are installed it finds them by itself. `PYTHONPATH` then stays unchanged: it is
    searched before the standard library, which another installed package could hide.
    """
    environment = environment | {"PYTHONSAFEPATH": "1"}
    if _ROOT in _site_packages():
        return environment
    path = os.pathsep.join(filter(None, (str(_ROOT), environment.get("PYTHONPATH"))))
    return environment | {"PYTHONPATH": path}


def _site_packages() -> set[Path]:
    """Returns the folders that this interpreter installs into, the user's own included."""
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    if site.ENABLE_USER_SITE:
        folders.add(site.getusersitepackages())
    return {Path(folder).resolve() for folder in folders}
