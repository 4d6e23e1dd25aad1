"""One completion being decoded: which tokens are drawn, which are put in, and when it ends."""

import random
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ptrapp.core.types import FinishReason, Sampling, ThoughtEnd
from ptrapp.engines.local.sampling import NextTokens, choose


@dataclass(frozen=True, slots=True)
class ThoughtPlan:
    """How the thought of a row begins and ends."""

    n_max: int
    """Its budget: most tokens before its end."""
    ends: Callable[[Sequence[int]], bool]
    """Whether the last of the ids completes the response marker."""
    opening: tuple[int, ...] = ()
    """Ids put in first."""
    closing: tuple[int, ...] = ()
    """Ids put in where the model does not end it; empty lets the completion end there."""


@dataclass(slots=True, eq=False)
class Row:
    """One completion being decoded.

    Ids that are put in take the place of drawn ones, one a step: they are read like these, counted
    like these and have the log-probability that the policy gives them.
    """

    prompt: tuple[int, ...]
    sampling: Sampling
    n_max: int
    """Most tokens it may have: those requested, as far as the context has room."""
    random: random.Random
    """Seeded by the request alone, so that other rows do not change what is drawn."""
    thought: ThoughtPlan | None = None
    """None for a direct answer."""
    is_blank: Callable[[Sequence[int]], bool] | None = None
    """Whether the text of some ids is white space. With it, a turn that ends before the response
    has begun has to go on, once."""
    token_ids: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    """When each token was chosen, `time.monotonic` seconds."""
    logps: list[float] = field(default_factory=list)
    """Of each token under the policy itself, in nats."""
    finish: FinishReason | None = None
    ends: Callable[[Sequence[int]], bool] | None = None
    """Called after each token with all of them: whether their text contains a stop string. The row
    itself has ids only."""
    forced: deque[int] = field(default_factory=deque)
    """Ids to put in next."""
    n_thought: int | None = None
    """Ids before the response; None while it thinks."""
    thought_end: ThoughtEnd | None = None
    asked_again: bool = False

    def __post_init__(self) -> None:
        if self.thought is None:
            self.n_thought = 0
        else:
            self.forced.extend(self.thought.opening)

    def refuses(self, token: int, eos_ids: Collection[int]) -> bool:
        """Returns whether a drawn token may not stand.

        Either there are ids to put in now (`forced`), or it is to be drawn again without the ends
        of a turn.
        """
        if token not in eos_ids:
            return False
        if self.n_thought is None:
            assert self.thought is not None
            if self.thought.closing:
                self.thought_end = ThoughtEnd.TURN
                self.forced.extend(self.thought.closing)
            return bool(self.thought.closing)
        if self.is_blank and not self.asked_again:
            self.asked_again = self.is_blank(self.token_ids[self.n_thought :])
            return self.asked_again
        return False

    def take(self, token: int, logp: float, now: float, eos_ids: Collection[int]) -> None:
        """Adds a token that was drawn or put in."""
        self.token_ids.append(token)
        self.times.append(now)
        self.logps.append(logp)
        n_tokens = len(self.token_ids)
        if token in eos_ids or (self.ends and self.ends(self.token_ids)):
            self.finish = FinishReason.STOP
        elif n_tokens >= self.n_max:
            self.finish = FinishReason.LENGTH
        if self.thought and self.n_thought is None:
            self._think(self.thought, n_tokens)
        elif n_tokens - (self.n_thought or 0) >= self.sampling.max_tokens:
            self.finish = self.finish or FinishReason.LENGTH

    def _think(self, thought: ThoughtPlan, n_tokens: int) -> None:
        """Ends the thought where it is complete, cut, or at the end of its budget."""
        if not self.forced and (self.thought_end or thought.ends(self.token_ids)):
            self.thought_end = self.thought_end or ThoughtEnd.MODEL
            self.n_thought = n_tokens
        elif self.finish:
            stopped = self.finish is FinishReason.STOP
            self.thought_end = ThoughtEnd.TURN if stopped else ThoughtEnd.BUDGET
        elif not self.forced and n_tokens >= thought.n_max:
            self.thought_end = ThoughtEnd.BUDGET
            self.forced.extend(thought.closing)
            if not thought.closing:
                self.finish = FinishReason.LENGTH


def draw_tokens(rows: Sequence[Row], logits: Tensor, eos_ids: Collection[int]) -> None:
    """Adds the next token of every row, drawn from `logits` (B, V) or put in."""
    drawn = [at for at, row in enumerate(rows) if not row.forced]
    tokens, logps = [0] * len(rows), [0.0] * len(rows)
    if drawn:
        choice = _draw(rows, logits, drawn)
        for at, token, logp in zip(drawn, *choice, strict=True):
            tokens[at], logps[at] = token, logp
    refused = [at for at in drawn if rows[at].refuses(tokens[at], eos_ids)]
    if again := [at for at in refused if not rows[at].forced]:
        barred = logits.clone()
        barred[:, sorted(eos_ids)] = -torch.inf
        for at, token in zip(again, _draw(rows, barred, again).tokens, strict=True):
            tokens[at] = token
    put_in = [at for at, row in enumerate(rows) if row.forced]
    for at in put_in:
        tokens[at] = rows[at].forced.popleft()
    if other := [*put_in, *again]:
        own = torch.log_softmax(logits[other].to("cpu", torch.float32), dim=-1)  # (O, V)
        for at, of_row in zip(other, own, strict=True):
            logps[at] = float(of_row[tokens[at]])
    now = time.monotonic()
    for row, token, logp in zip(rows, tokens, logps, strict=True):
        row.take(token, logp, now, eos_ids)


def _draw(rows: Sequence[Row], logits: Tensor, index: Sequence[int]) -> NextTokens:
    """Draws a token for each row of `index` from its logits among (B, V)."""
    chosen = [rows[at] for at in index]
    uniforms = [0.0 if row.sampling.greedy else row.random.random() for row in chosen]
    of_rows = logits if len(index) == len(rows) else logits[list(index)]
    return choose(of_rows, [row.sampling for row in chosen], uniforms)
