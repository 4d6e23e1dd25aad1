"""Paths as rows store them: relative to the data folder, which can then be moved or restored."""

from pathlib import Path, PurePosixPath, PureWindowsPath

_FOLDERS = ("adapters", "jobs", "judges", "exports", "models")
"""Folders of the data folder that rows name files in."""
_BUNDLED = ("ptrapp", "assets", "model")


def to_stored(path: Path, data_dir: Path) -> str:
    """Returns what a row stores: relative to the data folder, absolute for what lies elsewhere.

    >>> to_stored(Path("/data/adapters/dpo-000012"), Path("/data"))
    'adapters/dpo-000012'
    """
    whole, root = path.resolve(), data_dir.resolve()
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else str(whole)


def located(stored: str, data_dir: Path) -> Path:
    """Returns the absolute path that a row names.

    Rows of earlier versions hold absolute paths. One that names a file of the data folder as it was
    then means the file of that name here, wherever the folder lies now.
    """
    root = data_dir.resolve()
    parts = _parts(stored)
    for at in range(len(parts) - 2, 0, -1):
        if parts[at] in _FOLDERS and (inside := root.joinpath(*parts[at:])).exists():
            return inside
    return root / stored


def same_model(one: str, other: str, data_dir: Path) -> bool:
    """Returns whether two names of a base model mean one: the hub's name, or a folder.

    The bundled model is one model wherever this program is installed, and so is a model of the data
    folder wherever that lies.
    """
    return _model(one, data_dir) == _model(other, data_dir)


def _model(name: str, data_dir: Path) -> str:
    parts = _parts(name)
    if not parts or not _is_absolute(name):
        return name
    return "bundled" if parts[-3:] == _BUNDLED else str(located(name, data_dir))


def _is_absolute(name: str) -> bool:
    return PurePosixPath(name).is_absolute() or PureWindowsPath(name).is_absolute()


def _parts(name: str) -> tuple[str, ...]:
    """Returns the parts of an absolute path of either kind of system; of others none."""
    if PurePosixPath(name).is_absolute():
        return PurePosixPath(name).parts
    return PureWindowsPath(name).parts if PureWindowsPath(name).is_absolute() else ()
