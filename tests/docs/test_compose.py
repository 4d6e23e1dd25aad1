"""The compose file of the documents: what it starts can be started, with flags that exist."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from ptrapp.core.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def compose() -> Any:
    text = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```compose\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return yaml.safe_load(block)


def test_the_apps_are_alike_and_have_flags_that_exist(compose: Any) -> None:
    one, other = (compose["services"][name] for name in ("app-1", "app-2"))
    assert one == other
    program, *flags = shlex.split(one["command"])
    assert program == "thrice"
    settings = load_settings(flags)
    assert (settings.open, settings.worker) == (True, False)
    assert settings.trusted_proxy == (
        compose["networks"]["default"]["ipam"]["config"][0]["subnet"],
    )


def test_apps_and_worker_share_the_database_and_the_folder(compose: Any) -> None:
    names = {f"THRICE_{name.upper()}" for name in Settings.model_fields}
    for name in ("app-1", "app-2", "worker"):
        service = compose["services"][name]
        assert service["environment"].keys() <= names
        assert service["volumes"] == [f"data:{service['environment']['THRICE_DATA_DIR']}"]
    assert len({str(compose["services"][n]["environment"]) for n in ("app-1", "worker")}) == 1
    assert compose["volumes"].keys() == {"data", "rows"}
