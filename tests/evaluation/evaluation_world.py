"""A task of small sums, and an engine whose versions are known to be right or wrong on them."""

import re
from pathlib import Path

from ptrapp.engines.base import Request
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.evaluation.tasks import Listed
from ptrapp.tasks.datasets import Question

SUMS = Listed(
    "sums",
    tuple(Question(f"What is {n} plus 1?", str(n + 1), "test") for n in range(10, 30)),
)


def number(request: Request) -> int:
    """Returns the number of the sum that is asked for."""
    found = re.search(r"What is (\d+) plus", request.messages[0].content)
    assert found
    return int(found[1])


def answer(request: Request) -> str:
    """Answers round 1 rightly on even sums for every version; later rounds depend on the version.

    `fixer` is right in every later round. `copier` repeats the number it was shown last. The base
    model is wrong in later rounds.
    """
    n, later = number(request), len(request.messages) > 1
    right = n + 1
    if not later:
        stated = right if n % 2 == 0 else 0
    elif request.policy.adapter == "fixer":
        stated = right
    elif request.policy.adapter == "copier":
        stated = int(re.findall(r"\d+", request.messages[-2].content)[-1])
    else:
        stated = 0
    thought = "<T> Let me add. " if request.thinking else ""
    return f"{thought}<R> The answer is {stated}."


def scripted(tmp_path: Path, *names: str, script: object = answer) -> ScriptedEngine:
    """An engine with these versions published."""
    engine = ScriptedEngine(script)  # type: ignore[arg-type]
    for name in names:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "adapter_config.json").write_text("{}", encoding="utf-8")
        engine.publish(name, folder)
    return engine
