"""Opens the judge that the settings name, and imports nothing of the other kinds."""

from pathlib import Path

from ptrapp.core.errors import EngineError
from ptrapp.core.hub import from_hub
from ptrapp.core.model_folder import check_folder
from ptrapp.core.names import is_path
from ptrapp.core.settings import Settings
from ptrapp.engines.base import Engine
from ptrapp.judges import names
from ptrapp.judges.base import ROUNDING, Judge
from ptrapp.judges.function import FunctionJudge, function_judge, reward_judge
from ptrapp.judges.llm import LazyJudge, LlmJudge
from ptrapp.judges.verifier import Verifier

_FLAGS = {"--base-url": "--judge-base-url", "--served-model": "--judge-model"}
"""Flags in an engine's errors, and their names where the engine serves a judge."""
_MAX_NAME_CHARS = 100
"""Limit on a judge's name; the rater's name has a prefix besides."""


def open_judge(settings: Settings, *, engine: Engine | None = None, apart: bool = False) -> Judge:
    """Opens the judge that `settings.judge` names.

    `engine`, if given, replaces the server of the judge llm. A server is contacted at the first
    comparison: while it is down, comparisons stay unscored. With `apart` a reward model is loaded
    by a process of its own, at the first comparison too. Raises `ConfigurationError` for an unknown
    name, and `ModelUnusable` for a model that is no reward model, as far as it was looked at.
    """
    match settings.judge:
        case names.VERIFIER:
            return Verifier()
        case names.LLM if engine is not None:
            return LlmJudge(engine, _truncated(f"llm:{settings.judge_model or engine.model_id}"))
        case names.LLM:
            name = _truncated(f"llm:{settings.judge_model or settings.judge_base_url}")
            return LazyJudge(lambda: _of_server(settings), name)
        case given if given.startswith((names.PREFIX, names.RULE)):
            return function_judge(given, _truncated(given))
        case given:
            path = find_reward_model(settings, given)
            if apart:
                return _reward_model_apart(path, settings.device)
            from ptrapp.judges.reward_model import RewardModel

            return RewardModel(path, _truncated(_named(path)), device=settings.device)


def close_judge(judge: Judge) -> None:
    """Closes the connection or the process of a judge that has one."""
    if isinstance(judge, LazyJudge | FunctionJudge):
        judge.close()


def find_reward_model(settings: Settings, given: str) -> str:
    """Resolves the name of a reward model trained here, a folder or a hub id for loading."""
    trained = settings.judges_dir / given
    if given and Path(given).name == given and trained.is_dir():
        return str(trained.resolve())
    if is_path(given) and Path(given).expanduser().is_dir():
        return str(Path(given).expanduser().resolve())
    if names.is_hub_id(given):
        return from_hub(given)
    raise names.unknown(settings, given)


def _reward_model_apart(path: str, device: str) -> Judge:
    if Path(path).is_dir():
        check_folder(path)
    return reward_judge(path, _truncated(_named(path)), device=device, tie_within=ROUNDING)


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
        message = str(error)
        for flag, judge_flag in _FLAGS.items():
            message = message.replace(flag, judge_flag)
        raise type(error)(message) from error


def _named(path: str) -> str:
    """Returns a hub id unchanged, and the name of a folder."""
    return Path(path).name if Path(path).is_absolute() else path


def _truncated(name: str) -> str:
    return name[:_MAX_NAME_CHARS]
