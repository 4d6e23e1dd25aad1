"""The architecture in the documents is the code's: rooms, floors, tables, and every stored term."""

import ast
import re
from enum import StrEnum

import pytest
from documents import ROOT, quoted, section, table, tables, text_of

from db import models
from ptrapp.core import dialogue, people, thoughts, types
from ptrapp.engines import base
from ptrapp.evaluation import plan
from ptrapp.recipes import mask_sft, preferences, reward_model, training

TEXT = text_of("docs/architecture.md")
FLOORS = {
    room.strip("`"): int(floor)
    for floor, room, _ in table(section(TEXT, "## Rooms and arrows"), "floor", "room")
}
PACKAGES = ("ptrapp", "db", "training", "bench")
MODULES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
    for file in [ROOT / "app.py", *(f for name in PACKAGES for f in (ROOT / name).rglob("*.py"))]
}
GLOSSARY = section(TEXT, "## Glossary")
SPOKEN = (
    dialogue,
    people,
    thoughts,
    types,
    base,
    plan,
    preferences,
    reward_model,
    training,
    mask_sft,
)
"""Modules whose choices a person meets, in settings, on pages or in files."""


def room_of(module: str) -> str | None:
    within = [room for room in FLOORS if module == room or module.startswith(f"{room}.")]
    return max(within, key=len, default=None)


def test_every_module_has_a_room_and_every_room_is_there() -> None:
    bare = {"ptrapp", "db", "training"}  # a package whose files are all in rooms
    homeless = [name for name in MODULES.keys() - bare if room_of(name) is None]
    assert not homeless
    assert FLOORS.keys() == {room_of(name) for name in MODULES} - {None}


def test_a_room_imports_only_from_lower_floors() -> None:
    up = []
    for name, file in MODULES.items():
        here = room_of(name)
        for imported in _imports(file.read_text(encoding="utf-8")):
            there = room_of(imported)
            if here and there and here != there and FLOORS[there] >= FLOORS[here]:
                up.append(f"{name} imports {imported}")
    assert not up


def _imports(source: str) -> set[str]:
    """The modules of ours that a file imports, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names):
                found |= {alias.name for alias in names}
            case ast.ImportFrom(str(module), names):
                inside = {f"{module}.{alias.name}" for alias in names}
                found |= {name if name in MODULES else module for name in inside}
    return {name for name in found if name in MODULES}


def test_every_table_of_the_database_is_described() -> None:
    rows = table(section(TEXT, "## Tables"), "table", "a row is")
    assert {row[0].strip("`") for row in rows} == set(models.Base.metadata.tables)


def _stored() -> list[type[StrEnum]]:
    return [kind for kind in vars(models).values() if _is_choice(kind)]


def _said() -> list[type[StrEnum]]:
    kinds = [kind for module in SPOKEN for kind in vars(module).values() if _is_choice(kind)]
    return [
        kind for kind in dict.fromkeys(kinds) if kind.__module__ in {m.__name__ for m in SPOKEN}
    ]


def _is_choice(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, StrEnum) and kind is not StrEnum


@pytest.mark.parametrize("kind", [*_stored(), *_said()], ids=lambda kind: kind.__name__)
def test_every_value_a_person_meets_is_in_the_glossary(kind: type[StrEnum]) -> None:
    words = {word for said in quoted(GLOSSARY) for word in (said, *said.split())}
    methods = set(quoted(text_of("docs/methods.md"))) | set(quoted(text_of("docs/training.md")))
    missing = {value.value for value in kind} - words - methods
    assert not missing


@pytest.mark.parametrize("fmt", sorted(thoughts.FORMATS))
def test_every_thought_format_is_in_the_glossary(fmt: str) -> None:
    assert f"`{fmt}`" in GLOSSARY


def test_a_term_stands_once() -> None:
    terms = [row[0] for first, *rows in tables(GLOSSARY) for row in rows if first[0] == "term"]
    assert len(terms) > 130
    assert len(terms) == len(set(terms))


@pytest.mark.parametrize(
    "word", ["lane", "ballot", "studio", "office", "shelf", "opinion", "desk", "owner thread"]
)
def test_words_that_went_stay_away(word: str) -> None:
    whole = "".join(text_of(f"docs/{name}") for name in NAMES)
    prose = re.sub(r"label.studio", "", whole, flags=re.IGNORECASE)  # the other program
    assert not re.search(rf"\b{word}s?\b", prose, re.IGNORECASE)


NAMES = sorted(path.name for path in (ROOT / "docs").glob("*.md"))


def test_flows_name_files_of_every_layer_they_cross() -> None:
    asked = set(quoted(section(TEXT, "## A prompt to three rounds")))
    served = set(quoted(section(TEXT, "## A vote to a served adapter")))
    for flow, rooms in (
        (asked, ("ptrapp/ui", "ptrapp/services", "ptrapp/refinement", "ptrapp/core", "db/content")),
        (served, ("db/labelling", "training/recipes", "training/data", "training/losses", "ptrapp/services")),
    ):  # fmt: skip
        files = [said for said in flow if said.endswith((".py", ".js"))]
        assert len(files) > 10
        assert all(any(file.startswith(room) for file in files) for room in rooms)
