"""Examples to token ids; the loss weights are born here, with the tokens.

Worked example, the tiny format::

    ids           <|user|> 2 + 2 ? <|end|> <|assistant|> <T> | Adding . <R> It is 4 . <|end|>
    loss_weights     0     0 0 0 0    0          0        0  |   1    1  1  1  1  1 1    1
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from ptrapp.core.dialogue import ChatTokenizer, prompt_ids
from ptrapp.core.thoughts import ThoughtFormat
from training.examples import PairExample, Target, TrajectoryExample


class Tokenizer(ChatTokenizer, Protocol):
    """What encoding needs of a fast `transformers` tokenizer."""

    eos_token_id: int

    def __call__(self, text: str, **kwargs: Any) -> Any: ...

    def decode(self, token_ids: Any, **kwargs: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Row:
    """One sequence as the model reads it."""

    token_ids: tuple[int, ...]
    """(T,) prompt, history and completion."""
    loss_weights: tuple[float, ...]
    """(T,) weight of each token in the loss: 0 in prompt and history, 1 in the completion."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One example: the rows that its loss needs together."""

    rows: tuple[Row, ...]
    """A pair has two, chosen first; a trajectory has one."""
    weight: float = 1.0

    @property
    def n_tokens(self) -> int:
        """Length of the longest row."""
        return max(len(row.token_ids) for row in self.rows)


E = TypeVar("E", PairExample, TrajectoryExample)


def encode_pair(tokenizer: Tokenizer, fmt: ThoughtFormat, pair: PairExample) -> Encoded:
    prompt = prompt_ids(tokenizer, pair.messages, pair.thinking)
    sides = (pair.chosen, pair.rejected)
    rows = tuple(_row(tokenizer, fmt, prompt, side, pair.thinking) for side in sides)
    return Encoded(rows, pair.weight)


def encode_trajectory(
    tokenizer: Tokenizer, fmt: ThoughtFormat, example: TrajectoryExample
) -> Encoded:
    prompt = prompt_ids(tokenizer, example.messages, example.thinking)
    return Encoded((_row(tokenizer, fmt, prompt, example.target, example.thinking),))


def encode_all(
    tokenizer: Tokenizer,
    fmt: ThoughtFormat,
    examples: Sequence[E],
    encode: Callable[[Tokenizer, ThoughtFormat, E], Encoded],
    context_length: int,
    dropped: Counter[str],
) -> list[Encoded]:
    """Encode the examples that fit; a cut completion would teach to stop in mid-sentence."""
    kept = []
    for example in examples:
        encoded = encode(tokenizer, fmt, example)
        if encoded.n_tokens > context_length:
            dropped["longer than the model's context"] += 1
        elif any(sum(row.loss_weights) == 0 for row in encoded.rows):
            dropped["empty completion"] += 1
        elif len({row.token_ids for row in encoded.rows}) < len(encoded.rows):
            dropped["the two completions are identical"] += 1
        else:
            kept.append(encoded)
    return kept


def completion_ids(
    tokenizer: Tokenizer, fmt: ThoughtFormat, prompt: Sequence[int], target: Target, thinking: bool
) -> list[int]:
    """Return the ids behind the prompt: those recorded at generation, or the text's.

    Text is tokenised in its context and cut where the prompt ends. A tokenizer that merges over
    that border is given the completion alone, because a served model never generates such a merge.
    """
    if target.completion_ids is not None:
        return list(target.completion_ids)
    prefill = fmt.prefill(thinking)
    text = target.raw.removeprefix(prefill)
    before = tokenizer.decode(list(prompt), skip_special_tokens=False)
    whole = _ids(tokenizer, before + text)
    n_prompt = len(prompt)
    ids = whole[n_prompt:] if whole[:n_prompt] == list(prompt) else _ids(tokenizer, text)
    return [*ids, tokenizer.eos_token_id] if target.finished else ids


def _row(
    tokenizer: Tokenizer, fmt: ThoughtFormat, prompt: list[int], target: Target, thinking: bool
) -> Row:
    completion = completion_ids(tokenizer, fmt, prompt, target, thinking)
    weights = (0.0,) * len(prompt) + (1.0,) * len(completion)
    return Row((*prompt, *completion), weights)


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
