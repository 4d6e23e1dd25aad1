"""Links, anchors, pictures, paths and module names in the documents lead somewhere."""

import re
import subprocess
from pathlib import Path

import pytest
from documents import DOCUMENTS, ROOT, anchors, blocks, name_of, prose, quoted, text_of

LINK = re.compile(r"""(?:\[[^]]*\]\(|(?:src|srcset|href)=")([^)"\s]+)[)"]""")
PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)+/?|[\w-]+\.(?:py|md|txt|toml|lock|js|css)|Makefile")
MODULE = re.compile(r"(?<![\w/@.-])(?:ptrapp|db|training|bench)(?:\.[a-z_]\w*)+(?![/\w])")
NAMED = re.compile(r"`([\w./-]+\.py)`\s*\(`(\w+)`\)")
MOVED = re.compile(r"`([\w.]+)` →\s+`([\w.]+)`")
OURS = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
MADE = re.compile(r"data/|test-results/")
"""Folders that exist only after a start."""

each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)


@each_document
def test_every_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    targets = LINK.findall(prose(path.read_text(encoding="utf-8")))
    inside = [target for target in targets if not target.startswith("https://")]
    assert not [target for target in inside if not _leads_somewhere(path, target)]


def _leads_somewhere(path: Path, target: str) -> bool:
    """Whether a link of a document leads to a file of the project, and to a heading of it."""
    file, _, anchor = target.partition("#")
    there = (path.parent / file).resolve() if file else path
    if not there.exists() or ROOT not in there.parents:
        return False
    return not anchor or anchor in anchors(there.read_text(encoding="utf-8"))


def test_every_document_and_picture_is_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            if path.suffix == ".md":
                targets = LINK.findall(prose(path.read_text(encoding="utf-8")))
                files = (target.partition("#")[0] for target in targets if "://" not in target)
                waiting += [(path.parent / file).resolve() for file in files if file]
    pictures = list((ROOT / "docs/pictures").iterdir())
    lost = {path for path in [*DOCUMENTS, *pictures] if path.is_file()} - reached
    assert not {name_of(path) for path in lost}


@each_document
def test_every_path_in_backquotes_exists(path: Path) -> None:
    missing = [said for said in quoted(path.read_text(encoding="utf-8")) if _is_lost(said)]
    assert not missing


def _is_lost(said: str) -> bool:
    """Whether it looks like a path of ours and names no file that git knows or will know."""
    if not PATH.fullmatch(said) or MADE.match(said):
        return False
    if "/" in said and said.split("/")[0] not in OURS:
        return False  # a hub's name, a route, a fraction
    return not (ROOT / said).exists() or _is_ignored(said)


def _is_ignored(said: str) -> bool:
    asked = ["git", "-C", str(ROOT), "check-ignore", "-q", said]
    return subprocess.run(asked, check=False).returncode == 0


@each_document
def test_every_module_that_is_named_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    gone = {old for old, _ in MOVED.findall(text)}
    commands = MODULE.findall("\n".join(blocks(text)))
    said = [name for word in quoted(text) for name in MODULE.findall(word)]
    lost = {name for name in [*said, *commands] if name not in gone and not _is_ours(name)}
    assert not lost


def _is_ours(name: str) -> bool:
    """Whether it is a module of ours, or a name defined in one."""
    parts = name.split(".")
    if _file_of(parts) is not None:
        return True
    file = _file_of(parts[:-1])
    return file is not None and _defines(file, parts[-1])


def _file_of(parts: list[str]) -> Path | None:
    whole = ROOT.joinpath(*parts)
    found = [file for file in (whole.with_suffix(".py"), whole / "__init__.py") if file.is_file()]
    return found[0] if found else None


def _defines(file: Path, name: str) -> bool:
    definition = rf"^(?:def|class) {name}\b|^{name}\b.*="
    return bool(re.search(definition, file.read_text(encoding="utf-8"), re.MULTILINE))


def test_what_moved_is_gone_from_the_old_place_and_is_at_the_new_one() -> None:
    moves = MOVED.findall(text_of("CHANGELOG.md"))
    assert len(moves) > 30
    assert not [old for old, _ in moves if _file_of(old.split("."))]
    assert not [new for _, new in moves if not _is_ours(new)]


@each_document
def test_every_name_given_with_a_file_is_defined_there(path: Path) -> None:
    said = NAMED.findall(path.read_text(encoding="utf-8"))
    lost = [(file, name) for file, name in said if not _defines(ROOT / file, name)]
    assert not lost


@each_document
def test_no_document_names_a_place_only_we_know(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.findall(r"(?:^|[\s`(])/(?:work|tmp|root|home)\b", text)


def test_the_checks_themselves_see_what_is_broken() -> None:
    assert not _leads_somewhere(ROOT / "README.md", "docs/nothing.md")
    assert not _leads_somewhere(ROOT / "README.md", "docs/training.md#nothing")
    assert _leads_somewhere(ROOT / "README.md", "docs/training.md#dpo")
    assert _is_lost("ptrapp/core/nothing.py")
    assert not _is_lost("OWNER/NAME")
    assert not _is_ours("ptrapp.core.nothing")
    assert _is_ours("ptrapp.refinement.loop.refine")
    assert anchors("# A b: `c`\n## A b: c\n") == {"a-b-c", "a-b-c-1"}
