"""Says of a name whether it is a folder of this machine, and whether that folder holds a model."""

from pathlib import Path

from ptrapp.core.errors import ModelUnusable


def looks_local(model_path: str) -> bool:
    """Returns whether a name is looked for on this machine, and never asked of the hub."""
    path = Path(model_path).expanduser()
    return (
        path.exists()
        or path.is_absolute()
        or model_path.startswith(".")
        or model_path.count("/") != 1
        or "\\" in model_path
    )


def is_model(folder: Path) -> bool:
    """Returns whether a folder is a model in `from_pretrained` form, with safetensors."""
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))


def check_folder(model_path: str) -> None:
    """Raises `ModelUnusable` for what is no folder with a config and weights in safetensors."""
    folder = Path(model_path).expanduser()
    if not folder.is_dir():
        raise ModelUnusable(
            f"There is no model folder {model_path!r}. Give the path of a folder with config.json "
            "and *.safetensors, a GGUF file, or a hub id of the form owner/name; bundled and "
            "smollm2 are there by name."
        )
    if not (folder / "config.json").is_file():
        raise ModelUnusable(
            f"The folder {model_path!r} holds no config.json, so it is not a model in "
            "from_pretrained form. Give the folder that save_pretrained wrote."
        )
    if not any(folder.glob("*.safetensors")):
        pickles = sorted(file.name for kind in ("*.bin", "*.pt") for file in folder.glob(kind))
        found = f"only {pickles[0]}, a pickle that could run code" if pickles else "no weights"
        raise ModelUnusable(
            f"The folder {model_path!r} holds {found}. Convert the weights to safetensors."
        )


def size_of(folder: Path) -> int:
    """Returns the bytes of all files of a folder, or of one file."""
    if folder.is_file():
        return folder.stat().st_size
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
