"""Data sets by name, from folders and files of this machine."""

import json
from pathlib import Path

import pytest

from ptrapp.core.errors import InputError
from ptrapp.tasks.datasets import Columns
from ptrapp.tasks.hub import HubName, read_hub


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def test_name_configuration_and_split_are_told_apart() -> None:
    assert HubName.parse("hf:a/b") == ("a/b", None, "train")
    assert HubName.parse("hf:a/b:test") == ("a/b", None, "test")
    assert HubName.parse("hf:a/b:main:test") == ("a/b", "main", "test")
    assert HubName.parse("hf:a/b:main:") == ("a/b", "main", "train")
    for nonsense in ("hf:", "hf:a:b:c:d"):
        with pytest.raises(InputError, match="hf:NAME"):
            HubName.parse(nonsense)


def test_a_folder_and_a_file_give_the_same_questions(tmp_path: Path) -> None:
    rows = [{"question": "2 + 2?", "answer": "It is.\n#### 4"}, {"question": "3?", "answer": "3"}]
    file = write(tmp_path / "folder" / "train.jsonl", rows)

    from_folder = read_hub(f"hf:{tmp_path / 'folder'}")
    from_file = read_hub(f"hf:{file}")

    assert [(q.prompt, q.reference_answer) for q in from_folder] == [("2 + 2?", "4"), ("3?", "3")]
    assert [q.prompt for q in from_file] == [q.prompt for q in from_folder]


def test_a_split_and_columns_of_its_own(tmp_path: Path) -> None:
    for name in ("train", "test"):
        write(tmp_path / "set" / f"{name}.jsonl", [{"ask": f"of {name}", "gold": "1"}])

    found = read_hub(f"hf:{tmp_path / 'set'}:test", Columns("ask", "gold"))

    assert [(q.prompt, q.reference_answer) for q in found] == [("of test", "1")]


def test_what_is_not_there_and_what_has_no_question_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be loaded"):
        read_hub(f"hf:{tmp_path / 'nowhere'}")
    file = write(tmp_path / "odd.jsonl", [{"text": "no question"}])
    with pytest.raises(InputError, match=r"Row 1 of .* has no question"):
        read_hub(f"hf:{file}")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("train.json", "nonsense{"),
        ("train.json", ""),
        ("train.csv", "\x00\n\xff"),
        ("train.parquet", "PAR1 and no more"),
        ("README.md", "---\nconfigs: [\n---\n"),
        ("README.md", "---\ndataset_info:\n- features: 3\n  config_name: 5\n---\n"),
    ],
)
def test_what_cannot_be_read_is_said_whatever_the_reader_raises(
    tmp_path: Path, name: str, content: str
) -> None:
    file = tmp_path / "set" / name
    if name == "README.md":
        write(tmp_path / "set" / "train.jsonl", [{"question": "2 + 2?", "answer": "4"}])
    file.parent.mkdir(exist_ok=True)
    file.write_text(content, encoding="latin-1")
    given = file.parent if name == "README.md" else file
    with pytest.raises(InputError, match="cannot be loaded"):
        read_hub(f"hf:{given}")
