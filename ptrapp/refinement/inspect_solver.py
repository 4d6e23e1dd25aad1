"""The refinement loop as a solver of Inspect AI, which gives the accuracy of a task by round.

Needs the package inspect-ai (the extra `inspect`). For example::

    inspect eval gsm8k.py --solver ptrapp/refinement/inspect_solver.py@refine_solver -S rounds=3

or `Task(dataset, solver=refine_solver(rounds=3), scorer=by_round())`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    ContentReasoning,
)
from inspect_ai.scorer import Score, Scorer, Target, accuracy, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver

from ptrapp.core.dialogue import (
    REFINE_INSTRUCTION,
    HistoryMode,
    HistoryOptions,
    build_messages,
)
from ptrapp.core.errors import ConfigurationError
from ptrapp.core.thoughts import FORMATS, Thinking, ThoughtFormat, split
from ptrapp.core.types import Message, MessageRole, Split, Turn
from ptrapp.tasks.check import is_correct

ROUNDS = "rounds"
"""Key of `TaskState.metadata` for the list of rounds, the first one first."""

_OF_ROLE: dict[MessageRole, type[ChatMessage]] = {
    MessageRole.SYSTEM: ChatMessageSystem,
    MessageRole.USER: ChatMessageUser,
    MessageRole.ASSISTANT: ChatMessageAssistant,
}


@dataclass(frozen=True, slots=True)
class _Loop:
    """The checked options of the loop."""

    rounds: int
    fmt: ThoughtFormat
    thinking: Thinking
    history: HistoryOptions

    def messages(self, prompt: str, turns: Sequence[Turn]) -> list[ChatMessage]:
        """Returns the messages of the next round."""
        messages = build_messages(
            prompt,
            turns,
            self.fmt,
            self.thinking.at(len(turns)),
            shown=self.history,
        )
        return [_converted(message) for message in messages]


@solver
def refine_solver(
    rounds: int = 3,
    *,
    thought_format: str = "generic",
    thinking: str = "later",
    history: str = "full",
    keep_thoughts: bool = True,
    refine_instruction: str = REFINE_INSTRUCTION,
) -> Solver:
    """Returns a solver that answers, then refines the answer, by Inspect's own `generate`.

    `thinking` says which rounds are asked for a thought: always, later (from round 2) or never;
    `thought_format` how (generic, specific, system); a reasoning model, which thinks by itself,
    takes think. The last response is the output; `state.metadata["rounds"]` lists every round as
    `{thought, response, well_formed}`. Few-shot messages before the question stay before it.
    Raises `ConfigurationError`.
    """
    loop = _loop(rounds, thought_format, thinking, history, keep_thoughts, refine_instruction)

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        prompt = state.user_prompt
        head = state.messages[: state.messages.index(prompt)]
        turns: list[Turn] = []
        written: list[dict[str, Any]] = []
        for index in range(loop.rounds):
            state.messages = [*head, *loop.messages(prompt.text, turns)]
            state = await generate(state)
            parts, raw = _read(state, loop.fmt, loop.thinking.at(index))
            turns.append(Turn(parts.thought, parts.response, raw))
            written.append(asdict(parts))
            state.metadata[ROUNDS] = list(written)
            if state.completed:
                break
        state.output.completion = turns[-1].response
        return state

    return solve


@scorer(metrics={"*": [accuracy(), stderr()]})
def by_round() -> Scorer:
    """Returns a scorer of the correctness of each round, by our verifier."""

    async def score(state: TaskState, target: Target) -> Score:
        written = state.metadata.get(ROUNDS, [])
        right = {
            f"round {number}": float(is_correct(one["response"], target.text))
            for number, one in enumerate(written, start=1)
        }
        return Score(value=right, answer=written[-1]["response"] if written else "")

    return score


def _loop(
    rounds: int,
    thought_format: str,
    thinking: str,
    history: str,
    keep_thoughts: bool,
    refine_instruction: str,
) -> _Loop:
    """Checks the options. Raises `ConfigurationError` with all mistakes, one a line."""
    choices = {
        "thought_format": (thought_format, list(FORMATS)),
        "thinking": (thinking, [one.value for one in Thinking]),
        "history": (history, [one.value for one in HistoryMode]),
    }
    mistakes = [
        f"{name} {given!r} is none of {', '.join(known)}"
        for name, (given, known) in choices.items()
        if given not in known
    ]
    if rounds < 1:
        mistakes.append(f"rounds is {rounds}; ask for at least 1")
    if mistakes:
        raise ConfigurationError("\n".join(mistakes))
    return _Loop(
        rounds,
        FORMATS[thought_format],
        Thinking(thinking),
        HistoryOptions(refine_instruction, keep_thoughts, HistoryMode(history)),
    )


def _read(state: TaskState, fmt: ThoughtFormat, thinking: bool) -> tuple[Split, str]:
    """Returns thought and response of the newest completion, and its text.

    A server that returns the reasoning separately leaves no markers in the text: all of the text is
    response, and a later round is shown the response alone, as such servers want it.
    """
    message = state.output.message
    reasoning = [
        part.reasoning
        for part in (message.content if isinstance(message.content, list) else [])
        if isinstance(part, ContentReasoning)
    ]
    text = state.output.completion
    if not reasoning:
        return split(text, fmt, thinking), text
    response = split(text, fmt, thinking=False).response
    return Split("\n".join(reasoning), response, bool(response)), response


def _converted(message: Message) -> ChatMessage:
    return _OF_ROLE[message.role](content=message.content)
