"""Which engine the app opens, and that it loads nothing of the other."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ptrapp.core.errors import ConfigurationError
from ptrapp.core.settings import BUNDLED_MODEL, load_settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENGINE", "BASE_URL", "API_KEY", "SERVED_MODEL", "CONTEXT_LENGTH", "MODEL"):
        monkeypatch.delenv(f"THRICE_{name}", raising=False)


def mistakes(*flags: str) -> list[str]:
    with pytest.raises(ConfigurationError) as told:
        load_settings(list(flags))
    return str(told.value).splitlines()


def test_a_server_without_an_address_is_told_beside_the_other_mistakes() -> None:
    first, second = mistakes("--engine", "openai", "--host", "0.0.0.0")
    assert "--open" in first
    assert "--base-url http" in second


@pytest.mark.parametrize("address", ["localhost:8101", "http://", "ftp://there/v1"])
def test_an_address_that_is_none_is_told(address: str) -> None:
    (line,) = mistakes("--engine", "openai", "--base-url", address)
    assert address in line


def test_what_is_for_a_server_only_is_told_without_one() -> None:
    lines = mistakes(
        "--base-url", "http://here/v1", "--api-key", "k3y-0f-mine", "--context-length", "9"
    )
    assert [line.split()[0] for line in lines] == ["base-url", "api-key", "context-length"]
    assert "k3y-0f-mine" not in "".join(lines)


def test_the_key_is_shown_nowhere_and_known_to_the_jobs_that_ask_the_server() -> None:
    """It goes by the environment, which only the same user reads; never on a command line."""
    settings = load_settings(
        ["--engine", "openai", "--base-url", "http://here/v1", "--api-key", "k3y-0f-mine"]
    )
    assert settings.api_key.get_secret_value() == "k3y-0f-mine"
    assert "k3y-0f-mine" not in repr(settings) + str(settings.model_dump(mode="json"))
    assert settings.as_environment()["THRICE_API_KEY"] == "k3y-0f-mine"


def test_the_model_a_server_has_is_the_one_that_is_trained() -> None:
    settings = load_settings(["--engine", "openai", "--base-url", "http://here/v1"])
    assert settings.with_model("some/model").as_environment()["THRICE_MODEL"] == "some/model"
    assert settings.with_model(str(BUNDLED_MODEL)).model == "bundled"


@pytest.mark.worker
@pytest.mark.parametrize(
    ("engine", "foreign"),
    [
        ("openai", ["torch", "ptrapp.engines.local.engine"]),
        ("local", ["openai", "ptrapp.engines.remote"]),
    ],
)
def test_the_engine_that_was_not_chosen_is_not_loaded(engine: str, foreign: list[str]) -> None:
    """Nobody listens there, and there is no such model: what was imported by then is what counts."""
    script = f"""
import sys
from ptrapp import app
from ptrapp.core.errors import EngineError
from ptrapp.engines.opening import open_engine
from ptrapp.core.settings import Settings
server = {{"engine": "openai", "base_url": "http://127.0.0.1:9"}}
settings = Settings(**(server if {engine!r} == "openai" else {{"model": "/no/such/model"}}))
try:
    open_engine(settings)
except EngineError:
    print([name for name in {foreign!r} if name in sys.modules])
"""
    told: Any = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert told.stdout.strip() == "[]", told.stderr
