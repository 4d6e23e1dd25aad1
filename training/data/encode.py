"""Encodes messages and texts to the token ids that serving would have produced.

Pairs on the same messages become one example, so that their prompt is read once.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from jinja2 import TemplateError

from ptrapp.core.dialogue import ChatTokenizer, prompt_ids
from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.core.types import Message, MessageRole
from ptrapp.recipes.preferences import Strength
from training.data.examples import PairExample, Target, TrajectoryExample
from training.data.tokens import Encoded, Pair, Tokens

SHORTENED = "oldest turns cut to fit the model's context"
"""Reason counted among the dropped, although these examples are learnt from."""


class Tokenizer(ChatTokenizer, Protocol):
    """What encoding needs of a fast `transformers` tokenizer."""

    eos_token_id: int | None

    def __call__(self, text: str, **kwargs: Any) -> Any: ...

    def decode(self, token_ids: Any, **kwargs: Any) -> Any: ...


MARGIN_PER_STEP = 0.5


@dataclass(frozen=True, slots=True)
class TokenWeights:
    """The weights of the kinds of tokens of a trajectory in the loss."""

    thought: float = 1.0
    """Tokens of the answer's thought, its response marker included."""
    response: float = 1.0
    """Tokens of its response, end of turn included."""
    history: float = 0.0
    """Tokens of earlier answers: 0 is the thought mask, 1 trains on every round alike."""


PLAIN_WEIGHTS = TokenWeights()

Watch = Callable[[Collection[Any]], Iterator[Any]]
"""Goes through what is encoded one by one, to tell how far it is and to end in between."""


def encode_pairs(
    tokenizer: Tokenizer,
    fmt: ThoughtFormat,
    pairs: Sequence[PairExample],
    context_length: int,
    dropped: Counter[str],
    *,
    max_pairs: int,
    strength: Strength = Strength.OFF,
    watch: Watch = iter,
) -> list[Encoded]:
    """Encodes pairs; those on the same messages share an example of at most `max_pairs`.

    A pair that does not fit first loses the oldest turns of its prompt, never the completions: a
    cut completion would teach to stop in mid-sentence. What cannot be learnt from is counted in
    `dropped`, conversations that the chat template refuses among it.
    """
    groups: dict[tuple[tuple[Message, ...], bool, int], list[PairExample]] = {}
    for pair in pairs:
        groups.setdefault((pair.messages, pair.thinking, pair.n_context), []).append(pair)
    encoded = []
    for group in watch(groups.values()):
        prompts: dict[tuple[int, ...], list[tuple[PairExample, list[int], list[int]]]] = {}
        for pair in group:
            sides = (pair.chosen, pair.rejected)
            fitted = _fit_context(tokenizer, fmt, pair, sides, context_length, dropped)
            if fitted is None:
                continue
            (chosen, rejected) = fitted.completions
            if not chosen or not rejected:
                dropped["empty completion"] += 1
            elif chosen == rejected:
                dropped["the two completions are identical"] += 1
            else:
                if fitted.shortened:
                    dropped[SHORTENED] += 1
                prompts.setdefault(tuple(fitted.prompt), []).append((pair, chosen, rejected))
        for prompt, fitting in prompts.items():
            for start in range(0, len(fitting), max_pairs):
                encoded.append(_pairs_on(prompt, fitting[start : start + max_pairs], strength))
    return encoded


def encode_trajectories(
    tokenizer: Tokenizer,
    fmt: ThoughtFormat,
    trajectories: Sequence[TrajectoryExample],
    context_length: int,
    dropped: Counter[str],
    *,
    weights: TokenWeights = PLAIN_WEIGHTS,
    watch: Watch = iter,
) -> list[Encoded]:
    """Encodes trajectories: one completion each after its history, and spans of earlier answers."""
    encoded = []
    for example in watch(trajectories):
        fitted = _fit_context(tokenizer, fmt, example, (example.target,), context_length, dropped)
        if fitted is None:
            continue
        (completion,) = fitted.completions
        answer = _weighted(tokenizer, fmt, completion, example.thinking, weights)
        if sum(answer.loss_weights) == 0:
            dropped["empty completion"] += 1
            continue
        if fitted.shortened:
            dropped[SHORTENED] += 1
        earlier = [m.content for m in fitted.messages if m.role is MessageRole.ASSISTANT]
        attempts = _find_spans(tokenizer, fitted.prompt, earlier)
        of_prompt = [0.0] * len(fitted.prompt)
        for begin, end in attempts:
            of_prompt[begin:end] = [weights.history] * (end - begin)
        prompt = Tokens(tuple(fitted.prompt), tuple(of_prompt))
        encoded.append(Encoded(prompt, (answer,), attempts=attempts))
    return encoded


def completion_ids(
    tokenizer: Tokenizer, fmt: ThoughtFormat, prompt: Sequence[int], target: Target, thinking: bool
) -> list[int]:
    """Returns the ids after the prompt: those recorded at generation, or those of the text.

    Text is tokenised in its context and cut where the prompt ends. Where a tokenizer merges over
    that border, the completion is tokenised alone, because a served model never generates such a
    merge.
    """
    if target.completion_ids is not None:
        return list(target.completion_ids)
    text = _without_prefill(target.raw, fmt.prefill(thinking))
    before = tokenizer.decode(list(prompt), skip_special_tokens=False)
    whole = _ids(tokenizer, before + text)
    n_prompt = len(prompt)
    ids = whole[n_prompt:] if whole[:n_prompt] == list(prompt) else _ids(tokenizer, text)
    if target.finished and tokenizer.eos_token_id is not None:
        ids.append(tokenizer.eos_token_id)
    return ids


def _without_prefill(raw: str, prefill: str) -> str:
    """Removes what the chat template writes itself; another text may space it otherwise."""
    if raw.startswith(prefill):
        return raw.removeprefix(prefill)
    marker = prefill.strip()
    return (
        raw.lstrip().removeprefix(marker).lstrip("\n") if raw.lstrip().startswith(marker) else raw
    )


@dataclass(frozen=True, slots=True)
class _Fitted:
    messages: Sequence[Message]
    prompt: list[int]
    completions: list[list[int]]
    shortened: bool


def _fit_context(
    tokenizer: Tokenizer,
    fmt: ThoughtFormat,
    example: PairExample | TrajectoryExample,
    targets: Sequence[Target],
    context_length: int,
    dropped: Counter[str],
) -> _Fitted | None:
    """Tokenises; while the result is too long, drops the oldest pair of turns.

    Returns None, and counts why, for a conversation that cannot be shortened further or that the
    chat template refuses.
    """
    left, n_context = list(example.messages), example.n_context
    while True:
        try:
            prompt = prompt_ids(tokenizer, left, example.thinking)
        except TemplateError as error:
            dropped[f"the chat template refuses the conversation ({error})"] += 1
            return None
        completions = [
            completion_ids(tokenizer, fmt, prompt, target, example.thinking) for target in targets
        ]
        if len(prompt) + max(map(len, completions)) <= context_length:
            return _Fitted(left, prompt, completions, len(left) < len(example.messages))
        shorter = _without_oldest(left, n_context)
        if shorter is None:
            dropped["longer than the model's context"] += 1
            return None
        left, n_context = shorter


def _without_oldest(messages: list[Message], n_context: int) -> tuple[list[Message], int] | None:
    """Drops the oldest turns, so that roles still alternate; None where nothing may be dropped.

    First go the pairs of turns before the question, then the earliest attempts at it, each with the
    request after it. The system message and the question stay: an answer behind another question,
    or an attempt at an unknown one, would teach what never happened::

        system | user, assistant | question | attempt, request | attempt, request
                 1st dropped                  2nd dropped        3rd dropped
    """
    begin = int(messages[0].role is MessageRole.SYSTEM)
    question = begin + n_context
    if n_context:
        end = begin
        while end < question and messages[end].role is not MessageRole.ASSISTANT:
            end += 1
        while end < question and messages[end].role is MessageRole.ASSISTANT:
            end += 1
        return messages[:begin] + messages[end:], question - end
    if len(messages) > question + 1:
        return messages[: question + 1] + messages[question + 3 :], 0
    return None


def _pairs_on(
    prompt: tuple[int, ...],
    fitting: Sequence[tuple[PairExample, list[int], list[int]]],
    strength: Strength,
) -> Encoded:
    index_of: dict[tuple[int, ...], int] = {}
    pairs = []
    for example, *sides in fitting:
        chosen, rejected = (index_of.setdefault(tuple(side), len(index_of)) for side in sides)
        margin = MARGIN_PER_STEP * (example.strength - 1) if strength is Strength.MARGIN else 0.0
        weight = example.strength if strength is Strength.WEIGHT else 1.0
        pairs.append(Pair(chosen, rejected, example.outcomes, margin, weight))
    completions = tuple(Tokens(ids, (1.0,) * len(ids)) for ids in index_of)
    return Encoded(Tokens(prompt, (0.0,) * len(prompt)), completions, tuple(pairs))


def _weighted(
    tokenizer: Tokenizer,
    fmt: ThoughtFormat,
    completion: Sequence[int],
    thinking: bool,
    weights: TokenWeights,
) -> Tokens:
    """Weighs thought and response; the thought ends where the response marker is complete."""
    n_thought = 0
    if weights.thought != weights.response and thinking:
        text = tokenizer.decode(list(completion), skip_special_tokens=False)
        at = text.find(fmt.response_marker)
        if at >= 0:
            n_thought = _tokens_until(tokenizer, completion, at + len(fmt.response_marker))
    of_response = len(completion) - n_thought
    loss_weights = (weights.thought,) * n_thought + (weights.response,) * of_response
    return Tokens(tuple(completion), loss_weights)


def _find_spans(
    tokenizer: Tokenizer, prompt: Sequence[int], contents: Sequence[str]
) -> tuple[tuple[int, int], ...]:
    """Returns the token spans of the contents, in order; one that the template hides has none."""
    if not contents:
        return ()
    text = tokenizer.decode(list(prompt), skip_special_tokens=False)
    spans, search_from = [], 0
    for content in contents:
        begin = text.find(content.strip(), search_from) if content.strip() else -1
        if begin >= 0:
            search_from = begin + len(content.strip())
            first = max(_tokens_until(tokenizer, prompt, begin + 1) - 1, 0)
            spans.append((first, _tokens_until(tokenizer, prompt, search_from)))
    return tuple(spans)


def _tokens_until(tokenizer: Tokenizer, ids: Sequence[int], n_characters: int) -> int:
    """Returns how many tokens are needed to cover `n_characters` characters."""

    def length(n_tokens: int) -> int:
        return len(tokenizer.decode(list(ids[:n_tokens]), skip_special_tokens=False))

    return bisect_left(range(len(ids) + 1), n_characters, key=length)


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
