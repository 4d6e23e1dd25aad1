"""A function of one's own as judge, called in a process of its own in which it may do anything."""

import json
import math
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from ptrapp.core.errors import ConfigurationError, JudgeError
from ptrapp.core.types import Choice
from ptrapp.judges.base import PartlyScored, Verdict
from ptrapp.judges.names import PREFIX, RULE
from ptrapp.judges.thought_removal import response_of

_RULES = "ptrapp.judges.rules"
_REWARDS = "ptrapp.judges.reward_model:rewards"
_LOADING_S = 600.0
"""Longest wait for a reward model, whose first call loads it."""
_ENDED = ""
"""Stands for the end of the process where an answer is waited for."""


class FunctionJudge:
    """Scores by `f(prompts, completions, **columns) -> list[float | None]`, as TRL's rewards do.

    `prompts` and `completions` are lists of equal length, of questions and **responses**; `columns`
    are `reference_answer` and, of a ready-made rule, `argument`. None leaves a response unscored.
    A function that raises, returns something else, dies, or takes longer than `limit_s` leaves all
    of a call unscored, with the reason; the next call starts another process. Safe from any thread.
    """

    def __init__(
        self,
        target: str,
        columns: Mapping[str, str],
        name: str,
        *,
        limit_s: float = 60.0,
        tie_within: float = 0.0,
        each_alone: bool = False,
    ) -> None:
        """Takes `module:function`, and columns that every call has besides; imports nothing yet.

        Scores that differ by `tie_within` or less are a tie. `each_alone` says that a score does
        not depend on the other responses of a call, so that after a failed one each may be asked
        for by itself.
        """
        self.name = name
        self._target, self._columns = target, dict(columns)
        self._limit_s, self._tie_within = limit_s, tie_within
        self._each_alone = each_alone
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str] = queue.Queue()
        self._closed = False

    def score(
        self, question: str, reference_answer: str | None, responses: Sequence[str]
    ) -> list[float]:
        """Returns the function's score of each **response**; thoughts are removed from them.

        Raises `JudgeError` with the reason when one of them has none; unless each may be asked for
        alone it is `PartlyScored`.
        """
        n = len(responses)
        call = {
            "prompts": [question] * n,
            "completions": [response_of(response) for response in responses],
            "reference_answer": [reference_answer] * n,
            **{column: [value] * n for column, value in self._columns.items()},
        }
        try:
            with self._lock:
                answer = self._called(json.dumps(call))
            scores = _read(self.name, answer, n)
        except JudgeError as error:
            if self._each_alone:
                raise
            raise PartlyScored(str(error), [None] * n) from error
        if None in scores:
            said = f"{self.name} gave no score to response {scores.index(None) + 1} of {n}."
            raise PartlyScored(said, scores)
        return [score for score in scores if score is not None]

    def compare(
        self, question: str, reference_answer: str | None, left: str, right: str
    ) -> Verdict:
        """Compares two **responses** by their scores."""
        return self.decide(*self.score(question, reference_answer, (left, right)))

    def decide(self, left: float, right: float) -> Verdict:
        """Returns the verdict on two scores; equal ones are a tie."""
        better, other = max(left, right), min(left, right)  # which is on which side, pages say
        if better - other <= self._tie_within:
            return Verdict(Choice.TIE, f"Scores {better:g} and {other:g}.")
        said = f"The better one scores {better:g}, the other {other:g}."
        return Verdict(Choice.LEFT if left > right else Choice.RIGHT, said)

    def close(self) -> None:
        """Ends the process; a call that waits fails."""
        self._closed = True
        self._end()

    def _called(self, call: str) -> str:
        """Returns the process's answer. Raises `JudgeError` when there is none."""
        if self._closed:
            raise JudgeError(f"The judge {self.name} is closed.")
        process = self._started()
        try:
            assert process.stdin is not None, "it is a pipe"
            process.stdin.write(call + "\n")
            process.stdin.flush()
            answer = self._answers.get(timeout=self._limit_s)
        except queue.Empty as error:
            self._end()
            raise JudgeError(
                f"{self.name} gave no score within {self._limit_s:g} s and was ended. Make the "
                "function faster."
            ) from error
        except OSError:
            answer = _ENDED
        if answer == _ENDED:
            status = process.wait()
            self._end()
            raise JudgeError(
                f"The process of {self.name} ended with status {status} while it was asked. Its "
                "last words are in the log."
            )
        return answer

    def _started(self) -> subprocess.Popen[str]:
        process = self._process  # `close`, on another thread, may take it away at any moment
        if process is None:
            self._answers = queue.Queue()
            command = [sys.executable, "-m", "ptrapp.judges.function_process", self._target]
            process = self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="utf-8",
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
            reading = threading.Thread(target=_forward, args=(process, self._answers), daemon=True)
            reading.start()
        return process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()


def _forward(process: subprocess.Popen[str], answers: "queue.Queue[str]") -> None:
    assert process.stdout is not None, "it is a pipe"
    with process.stdout as lines:
        for line in lines:
            answers.put(line)
    answers.put(_ENDED)


def function_judge(given: str, name: str, *, limit_s: float = 60.0) -> FunctionJudge:
    """Opens the judge `python:module:function` or `rule:NAME[:ARGUMENT]`; imports nothing yet.

    Raises `ConfigurationError` for a name of another form, and a rule that can score nothing.
    """
    return FunctionJudge(*_parsed(given), name, limit_s=limit_s)


def reward_judge(model_path: str, name: str, *, device: str, tie_within: float) -> FunctionJudge:
    """Opens a reward model in a process of its own, which loads it when it is first asked."""
    columns = {"model_path": model_path, "device": device}
    return FunctionJudge(
        _REWARDS, columns, name, limit_s=_LOADING_S, tie_within=tie_within, each_alone=True
    )


def _parsed(given: str) -> tuple[str, dict[str, str]]:
    """Returns `module:function` and the columns that every call has besides."""
    if given.startswith(RULE):
        rule, colon, argument = given.removeprefix(RULE).partition(":")
        columns = {"argument": argument} if colon else {}
        from ptrapp.judges import rules  # for who names one

        try:
            rules.check(rule, columns)
        except ValueError as error:
            raise ConfigurationError(f"The judge {given!r} cannot be used: {error}.") from error
        return f"{_RULES}:{rule}", columns
    module, _, function = given.removeprefix(PREFIX).partition(":")
    names = [*module.split("."), function]
    if not all(name.isidentifier() for name in names):
        raise ConfigurationError(
            f"The judge {given!r} names no function. Write python:MODULE:FUNCTION, where MODULE is "
            "importable from the folder the app was started in."
        )
    return f"{module}:{function}", {}


def _read(name: str, answer: str, n: int) -> list[float | None]:
    """Returns `n` scores. Raises `JudgeError` for an answer that holds something else."""
    try:
        found: dict[str, Any] = json.loads(answer)
        error, scores = found.get("error"), found.get("scores", [])
    except (ValueError, AttributeError) as broken:
        raise JudgeError(f"The process of {name} said {answer[:80]!r}, no scores.") from broken
    if error:
        raise JudgeError(f"{name} failed: {error}")
    if len(scores) != n:
        raise JudgeError(f"{name} returned {len(scores)} scores for {n} responses.")
    for score in scores:
        if score is not None and not math.isfinite(score):
            raise JudgeError(f"{name} returned {score}, which is no score.")
    return scores
