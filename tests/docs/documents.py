"""The documents of the project, and what the tests read in them: links, tables, code."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_CELL = re.compile(r"(?<!\\)\|")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def prose(text: str) -> str:
    """A document without its blocks of code."""
    return _FENCE.sub("", text)


def blocks(text: str, language: str = "") -> list[str]:
    """Its blocks of code in one language; those without a language are commands."""
    return [code for said, code in _FENCE.findall(text) if said == language]


def section(text: str, heading: str) -> str:
    """What stands under a heading, until the next one of its level or a higher one."""
    level = len(heading) - len(heading.lstrip("#"))
    _, found, rest = text.partition(f"\n{heading}\n")
    assert found, f"no heading {heading!r}"
    return re.split(rf"\n#{{1,{level}}} ", rest)[0]


def tables(text: str) -> Iterator[list[list[str]]]:
    """The tables of a text: rows of cells, the header first, the line under it left out."""
    for block in re.findall(r"(?:^\|.*\|\n?)+", prose(text), re.MULTILINE):
        rows = [_CELL.split(line.strip())[1:-1] for line in block.strip().splitlines()]
        yield [[cell.strip() for cell in row] for row in rows if set("".join(row)) - set("-: ")]


def table(text: str, *header: str) -> list[list[str]]:
    """The rows of the one table with this header."""
    found = [rows for first, *rows in tables(text) if first[: len(header)] == list(header)]
    assert len(found) == 1, f"{len(found)} tables begin with {header}"
    return found[0]


def quoted(text: str) -> list[str]:
    """Everything in single backquotes outside blocks of code."""
    return re.findall(r"`([^`\n]+)`", prose(text))


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives the headings."""
    found: dict[str, int] = {}
    for title in re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).replace("`", "").lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        n = found.get(slug, -1) + 1
        found[slug] = n
        if n:
            found[f"{slug}-{n}"] = 0
    return set(found)
