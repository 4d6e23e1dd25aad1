"""Lists the base models that are within reach: by name, kept in the data folder, or allowed."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ptrapp.core.model_folder import is_model, size_of
from ptrapp.core.settings import BUNDLED_MODEL, Settings
from ptrapp.models import smollm2
from ptrapp.models.gguf import conversion_of, is_gguf, origin_of


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A base model within reach."""

    model: str
    """What `--model` takes."""
    title: str
    """Its name for people, without folders, which others need not see."""
    kind: str
    """`bundled`, `by name`, `converted` (from a GGUF file), `folder`, `gguf` or `hub`."""
    model_id: str
    """Its name in versions trained on it; empty where only loading it tells."""
    n_bytes: int
    """On the disk, or to fetch; 0 where that is not known."""
    fetched: bool
    """False where choosing it downloads `n_bytes`."""
    licence: str = ""
    """Empty where neither the model nor its card names one."""


def known_models(settings: Settings) -> list[KnownModel]:
    """Returns the models in reach, each once: bundled, smollm2, conversions, and what is allowed.

    `--allow-source` allows a model folder, a GGUF file, or a folder that has some of them in it;
    the model that was named at the start is allowed too.
    """
    found = [_folder(BUNDLED_MODEL, "bundled", "bundled", "bundled", licence="apache-2.0")]
    found.append(_smollm2(settings))
    for folder in sorted(settings.models_dir.resolve().glob("[!.]*")):
        if is_model(folder):
            found.append(_converted(folder))
    for name in (settings.model, *settings.allow_source):
        found += _named(name, settings.models_dir)
    once: dict[str, KnownModel] = {}
    for one in found:
        once.setdefault(one.model_id or one.model, one)
    return _with_own_titles(list(once.values()))


def _with_own_titles(models: list[KnownModel]) -> list[KnownModel]:
    """Numbers what has the same title as a model before it: folders of one name, say."""
    seen: Counter[str] = Counter()
    named = []
    for one in models:
        seen[one.title] += 1
        n = seen[one.title]
        named.append(replace(one, title=f"{one.title} ({n})") if n > 1 else one)
    return named


def title_of(model: str) -> str:
    """Returns a base model's name for people: of a conversion the file's, else without folders."""
    if model in ("bundled", str(BUNDLED_MODEL)):
        return "bundled"
    origin = origin_of(Path(model))
    return origin.name if origin else Path(model).name


def _smollm2(settings: Settings) -> KnownModel:
    there = smollm2.here(settings.models_dir)
    if there is not None and Path(there).is_dir():
        size = size_of(Path(there))
    else:
        size = smollm2.HUB_BYTES if there else smollm2.WHEEL_BYTES
    return KnownModel(
        smollm2.NAME, smollm2.TITLE, "by name", there or "", size, there is not None,
        smollm2.LICENCE,
    )  # fmt: skip


def _converted(folder: Path) -> KnownModel:
    origin = origin_of(folder)
    title = f"{origin.name} ({folder.name})" if origin else folder.name
    licence = origin.licence if origin else ""
    return _folder(folder, str(folder), title, "converted", licence=licence)


def _named(name: str, models_dir: Path) -> Iterator[KnownModel]:
    if name in ("bundled", smollm2.NAME):
        return
    path = Path(name).expanduser().resolve()
    if path.is_file() and is_gguf(path):
        if conversion_of(path, models_dir) is None:
            yield KnownModel(str(path), path.name, "gguf", "", path.stat().st_size, True)
    elif is_model(path):
        yield _folder(path, str(path), path.name, "folder")
    elif path.is_dir():
        for inside in sorted(path.iterdir()):
            if is_model(inside) or (inside.is_file() and is_gguf(inside)):
                yield from _named(str(inside), models_dir)
    elif name.count("/") == 1 and not name.startswith((".", "~", "/")):
        yield KnownModel(name, name, "hub", name, 0, False)


def _folder(folder: Path, model: str, title: str, kind: str, *, licence: str = "") -> KnownModel:
    return KnownModel(
        model, title, kind, str(folder), size_of(folder), True, licence or _licence(folder)
    )


def _licence(folder: Path) -> str:
    """Returns the licence in the head of the folder's model card; empty where there is none."""
    try:
        card = (folder / "README.md").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    head = card.split("---", 2)[1] if card.startswith("---") and card.count("---") > 1 else ""
    found = (line.partition(":")[2] for line in head.splitlines() if line.startswith("license:"))
    return next(found, "").strip().strip("\"'")
