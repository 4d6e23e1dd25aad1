"""From settings to a judge; only the chosen kind is loaded: a server's client, torch or nothing."""

import re
from pathlib import Path

from ptrapp.core.errors import ConfigurationError, EngineError
from ptrapp.core.settings import Settings
from ptrapp.engines.base import Engine
from ptrapp.judges.base import Judge
from ptrapp.judges.llm import LlmJudge, OnDemand
from ptrapp.judges.verifier import Verifier

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_FLAGS = {"--base-url": "--judge-base-url", "--served-model": "--judge-model"}
"""What an engine's errors advise to correct, and what it is called where the engine is a judge."""
_LONGEST_NAME = 100
"""Characters of a judge's name; as a rater it gets a few more before it."""


def open_judge(settings: Settings, *, engine: Engine | None = None) -> Judge:
    """The judge that `settings.judge` names.

    `engine` answers for the judge llm where no server shall. A server is first spoken to when the
    first comparison is asked: one that is down leaves comparisons unscored and ends nothing.
    Raises `ConfigurationError` for a name that means nothing, and `ModelUnusable` for what is no
    reward model.
    """
    match settings.judge:
        case "verifier":
            return Verifier()
        case "llm" if engine is not None:
            return LlmJudge(engine, _signed(f"llm:{settings.judge_model or engine.model_id}"))
        case "llm":
            name = _signed(f"llm:{settings.judge_model or settings.judge_base_url}")
            return OnDemand(lambda: _of_server(settings), name)
        case given:
            from ptrapp.judges.reward_model import RewardModel

            path = find_reward_model(settings, given)
            return RewardModel(path, _signed(_named(path)), device=settings.device)


def close_judge(judge: Judge) -> None:
    """Let go of the connection of a judge that has one."""
    if isinstance(judge, OnDemand):
        judge.close()


def find_reward_model(settings: Settings, given: str) -> str:
    """What `from_pretrained` takes for the name of one trained here, a folder, or a hub id."""
    trained = settings.judges_dir / given
    if given and Path(given).name == given and trained.is_dir():
        return str(trained.resolve())
    folder = Path(given).expanduser()
    if given and folder.is_dir():
        return str(folder.resolve())
    if _HUB_ID.fullmatch(given) and not given.startswith("."):
        return given
    known = ", ".join(trained_here(settings)) or "none yet"
    raise ConfigurationError(
        f"{given!r} names no judge. Choose verifier, llm, a folder, a hub id (owner/name) or a "
        f"reward model trained here ({known}): --judge NAME"
    )


def trained_here(settings: Settings) -> list[str]:
    """Names of the reward models trained here, oldest first."""
    found = settings.judges_dir.glob("*/config.json")
    return sorted(path.parent.name for path in found if not path.parent.name.startswith("."))


def _of_server(settings: Settings) -> Engine:
    from ptrapp.engines.remote.engine import RemoteEngine

    try:
        return RemoteEngine(
            settings.judge_base_url,
            api_key=settings.judge_api_key.get_secret_value(),
            served_model=settings.judge_model,
            thought_format="auto",
        )
    except EngineError as error:
        said = str(error)
        for flag, ours in _FLAGS.items():
            said = said.replace(flag, ours)
        raise type(error)(said) from error


def _named(path: str) -> str:
    """A hub id in full, of a folder its name."""
    return Path(path).name if Path(path).is_absolute() else path


def _signed(name: str) -> str:
    return name[:_LONGEST_NAME]
