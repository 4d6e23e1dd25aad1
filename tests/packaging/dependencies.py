"""What requirements files ask for, and everything that asks for in turn, as it is installed here."""

from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

ROOT = Path(__file__).resolve().parents[2]


def requirements(*names: str) -> list[Requirement]:
    """The requirements of files at the root; `-r` lines are left out."""
    lines = [line for name in names for line in (ROOT / name).read_text("utf-8").splitlines()]
    said = [line.partition("#")[0].strip() for line in lines]
    return [Requirement(line) for line in said if line and not line.startswith("-")]


def installed(wanted: Iterable[Requirement]) -> dict[NormalizedName, Distribution]:
    """Distributions that `wanted` bring on this machine, themselves and all below them."""
    found: dict[NormalizedName, Distribution] = {}
    asked: set[tuple[NormalizedName, frozenset[str]]] = set()
    waiting = list(wanted)
    while waiting:
        one = waiting.pop()
        name, extras = canonicalize_name(one.name), frozenset(one.extras)
        if (name, extras) not in asked:
            asked.add((name, extras))
            found[name] = distribution(name)
            waiting += _below(found[name], extras)
    return found


def _below(dist: Distribution, extras: frozenset[str]) -> Iterator[Requirement]:
    for line in dist.requires or ():
        one = Requirement(line)
        if one.marker is None or any(one.marker.evaluate({"extra": e}) for e in ("", *extras)):
            yield one
