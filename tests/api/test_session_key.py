"""The key of cookies is one for all apps that share a folder, also where two start at once."""

import errno
import secrets
from pathlib import Path
from typing import Any

import pytest

from ptrapp.api.session import secret_key


def test_of_two_first_starts_at_once_both_take_the_same_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = secrets.token_hex

    def made_while_another_app_makes_its_own(n: int) -> str:
        (tmp_path / "session.key").write_text("the other app's", encoding="utf-8")
        return made(n)

    monkeypatch.setattr(secrets, "token_hex", made_while_another_app_makes_its_own)
    assert secret_key(tmp_path) == b"the other app's".hex()
    assert [file.name for file in tmp_path.iterdir()] == ["session.key"]


def test_an_empty_key_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "session.key").touch()
    key = secret_key(tmp_path)
    assert len(key) == 128
    assert secret_key(tmp_path) == key
    assert (tmp_path / "session.key").stat().st_mode & 0o777 == 0o600


def test_a_disk_without_links_has_a_key_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    key = secret_key(tmp_path)
    assert secret_key(tmp_path) == key
    assert [file.name for file in tmp_path.iterdir()] == ["session.key"]
