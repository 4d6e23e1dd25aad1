"""The hand loop: prompts are read in pieces, rows decoded together, finished rows leave."""

import random
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from ptrapp.core.types import FinishReason, Sampling
from ptrapp.engines.local.kv import Kv, RoomyLayer, cut_out, side_by_side
from ptrapp.engines.local.prefixes import Prefixes
from ptrapp.engines.local.sampling import choose


@dataclass(slots=True, eq=False)
class Row:
    """One completion on its way."""

    prompt: tuple[int, ...]
    sampling: Sampling
    n_max: int
    """Tokens it may write: what was asked for, within the room that the context leaves."""
    random: random.Random
    """Its own, seeded by the request: what others draw does not matter."""
    token_ids: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    """When each token was chosen, `time.monotonic` seconds."""
    logps: list[float] = field(default_factory=list)
    """Of each token under the policy itself, in nats."""
    finish: FinishReason | None = None
    ends: Callable[[Sequence[int]], bool] | None = None
    """Asked after each token whether the text of all of them has come to a stop string: a row knows
    ids only."""

    def take(self, token: int, logp: float, now: float, eos_ids: Collection[int]) -> None:
        self.token_ids.append(token)
        self.times.append(now)
        self.logps.append(logp)
        if token in eos_ids or (self.ends and self.ends(self.token_ids)):
            self.finish = FinishReason.STOP
        elif len(self.token_ids) >= self.n_max:
            self.finish = FinishReason.LENGTH


def give_tokens(rows: Sequence[Row], logits: Tensor, eos_ids: Collection[int]) -> None:
    """Draw the next token of every row from `logits` (B, V)."""
    uniforms = [0.0 if row.sampling.greedy else row.random.random() for row in rows]
    choice = choose(logits, [row.sampling for row in rows], uniforms)
    now = time.monotonic()
    for row, token, logp in zip(rows, choice.tokens, choice.logps, strict=True):
        row.take(token, logp, now, eos_ids)


class StepPace:
    """How many prompt tokens are read in one step, so that nobody waits long for the next one."""

    PIECE_S = 0.1
    FEWEST, MOST = 128, 4096
    """Shorter pieces waste the processor's width; longer ones need much memory at once."""

    def __init__(self) -> None:
        self.n_tokens = 512

    def note(self, n_tokens: int, elapsed_s: float) -> None:
        """A piece took so long; only full ones say what the next may be."""
        if 2 * n_tokens >= self.n_tokens:
            fitting = int(n_tokens / max(elapsed_s, 1e-4) * self.PIECE_S)
            self.n_tokens = min(max(fitting, self.FEWEST), self.MOST, 2 * self.n_tokens)


@dataclass(slots=True)
class Desk:
    """What the batches of one engine share."""

    model: PreTrainedModel
    eos_ids: Collection[int]
    prefixes: Prefixes = field(default_factory=Prefixes)
    pace: StepPace = field(default_factory=StepPace)


@dataclass(slots=True, eq=False)
class _Prompt:
    """A prompt that is being read for one or more rows."""

    token_ids: tuple[int, ...]
    rows: list[Row]
    kv: Kv | None = None
    looked_up: bool = False

    @property
    def n_read(self) -> int:
        return self.kv.n_tokens if self.kv else 0

    @property
    def n_unread(self) -> int:
        return len(self.token_ids) - self.n_read


class DecoderBatch:
    """Rows of one policy that share a KV cache. Only the owner thread may touch it, the policy
    being active.

    Rows may join and leave between two steps. Rows end at the cache's last column; a mask hides
    what stands before a shorter one.
    """

    def __init__(self, desk: Desk, adapter: str | None):
        self._desk = desk
        self._adapter = adapter
        self._unread: list[_Prompt] = []
        self._rows: list[Row] = []
        """Rows in the cache, in its order."""
        self._cache: DynamicCache | None = None
        self._has_read = False
        """Whether the last step read: reading and writing take turns."""

    def add(self, rows: Sequence[Row]) -> None:
        """Take rows in; those with the same prompt have it read once."""
        waiting = {prompt.token_ids: prompt for prompt in self._unread}
        for row in rows:
            if row.prompt not in waiting:
                waiting[row.prompt] = _Prompt(row.prompt, [])
                self._unread.append(waiting[row.prompt])
            waiting[row.prompt].rows.append(row)

    @torch.inference_mode()
    def drop(self, rows: Collection[Row]) -> None:
        """Forget rows that nobody waits for."""
        gone = set(rows)
        for prompt in self._unread:
            prompt.rows = [row for row in prompt.rows if row not in gone]
        self._unread = [prompt for prompt in self._unread if prompt.rows]
        self._seat([place for place, row in enumerate(self._rows) if row not in gone], [])

    @torch.inference_mode()
    def step(self) -> list[Row]:
        """Do one piece of work; return the rows that got a token, finished ones included."""
        self._has_read = bool(self._unread) and not (self._has_read and self._rows)
        return self._read() if self._has_read else self._write()

    def _write(self) -> list[Row]:
        written, model = list(self._rows), self._desk.model
        last = torch.tensor([row.token_ids[-1:] for row in written], device=model.device)
        lengths = self._lengths()
        output = model(
            input_ids=last,  # (B, 1)
            attention_mask=_mask([n + 1 for n in lengths], self._width() + 1, model.device),
            position_ids=torch.tensor(lengths, device=model.device)[:, None],  # (B, 1)
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        give_tokens(written, output.logits[:, -1], self._desk.eos_ids)
        for place, row in enumerate(written):
            if row.finish is not None:
                self._keep(place)
        self._seat([place for place, row in enumerate(written) if row.finish is None], [])
        return written

    def _read(self) -> list[Row]:
        """Read the next piece of the prompts; rows whose prompt is read get their first token."""
        piece, n_tokens = self._piece()
        started = time.monotonic()
        logits = self._forward(piece, n_tokens)  # (P, V)
        done = [place for place, prompt in enumerate(piece) if not prompt.n_unread]
        rows = [row for place in done for row in piece[place].rows]
        if rows:
            index = [place for place in done for _ in piece[place].rows]
            give_tokens(rows, logits[index], self._desk.eos_ids)
            self._unread = [prompt for prompt in self._unread if prompt.n_unread]
        self._desk.pace.note(sum(n_tokens), time.monotonic() - started)
        joining = []
        for place in done:
            prompt = piece[place]
            prompt.rows = [row for row in prompt.rows if row.finish is None]
            if prompt.rows:
                joining.append(prompt)
            elif prompt.kv:
                self._desk.prefixes.keep(self._adapter, prompt.token_ids, prompt.kv)
        self._seat(list(range(len(self._rows))), joining)
        return rows

    def _piece(self) -> tuple[list[_Prompt], list[int]]:
        """The prompts to read in one step, and how many tokens of each."""
        most, piece, widest = self._desk.pace.n_tokens, list[_Prompt](), 0
        for prompt in self._unread:
            if not prompt.looked_up:
                prompt.kv = self._desk.prefixes.find(self._adapter, prompt.token_ids)
                prompt.looked_up = True
            widest = max(widest, prompt.n_unread)
            if piece and widest * (len(piece) + 1) > most:
                break
            piece.append(prompt)
        return piece, [min(prompt.n_unread, most) for prompt in piece]

    def _forward(self, piece: Sequence[_Prompt], n_tokens: Sequence[int]) -> Tensor:
        """Read so many tokens of each prompt on; return the logits after the last one (P, V).

        Worked example, two prompts of which the first had three tokens read, `.` being masked::

            read before | now
            a  b  c     | .  d  e
            .  .  .     | f  g  h
        """
        model = self._desk.model
        n_read = [prompt.n_read for prompt in piece]
        past, width = max(n_read), max(n_tokens)
        cache = (
            side_by_side([(prompt.kv, 1) for prompt in piece], past, room=width)
            if past
            else DynamicCache(config=model.config)
        )
        new = torch.arange(width)[None] - torch.tensor([[width - n] for n in n_tokens])  # (P, S)
        ids = [
            [0] * (width - n) + list(prompt.token_ids[read : read + n])
            for prompt, read, n in zip(piece, n_read, n_tokens, strict=True)
        ]
        masked = min(n_read) < past or min(n_tokens) < width
        before = torch.arange(past)[None] >= past - torch.tensor(n_read)[:, None]  # (P, C)
        mask = torch.cat([before, new >= 0], dim=1).long().to(model.device)  # (P, C + S)
        output = model(
            input_ids=torch.tensor(ids, device=model.device),  # (P, S)
            attention_mask=mask if masked else None,
            position_ids=(new.clamp(min=0) + torch.tensor(n_read)[:, None]).to(model.device),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        whole = past + width
        for row, (prompt, read, n) in enumerate(zip(piece, n_read, n_tokens, strict=True)):
            spans = [(past - read, past), (whole - n, whole)]
            joined = [(past - read, whole)] if n == width else spans
            prompt.kv = cut_out(cache, slice(row, row + 1), joined)
        return output.logits[:, -1]

    def _seat(self, kept: Sequence[int], joining: Sequence[_Prompt]) -> None:
        """Let rows leave the cache and others join it."""
        if len(kept) == len(self._rows) and not joining:
            return
        lengths = self._lengths()
        widths = [lengths[place] for place in kept] + [prompt.n_read for prompt in joining]
        if kept and not joining and self._width() <= 2 * max(widths):
            self._close_up(kept)
            return
        new: list[tuple[Kv | None, int]] = [(prompt.kv, len(prompt.rows)) for prompt in joining]
        self._cache = side_by_side(new, max(widths), old=self._cache, kept=kept) if widths else None
        rows = [self._rows[place] for place in kept]
        self._rows = rows + [row for prompt in joining for row in prompt.rows]

    def _close_up(self, kept: Sequence[int]) -> None:
        """Fill the gaps with the last rows: to copy all rows would cost what leaving gains."""
        assert self._cache is not None
        n_rows = len(kept)
        gaps = sorted(set(range(n_rows)) - set(kept))
        moves = list(zip(gaps, (place for place in kept if place >= n_rows), strict=True))
        for layer in self._cache.layers:
            assert isinstance(layer, RoomyLayer)
            layer.shrink(n_rows, moves)
        for to, origin in moves:
            self._rows[to] = self._rows[origin]
        del self._rows[n_rows:]

    def _keep(self, place: int) -> None:
        """Leave the KV of a finished row to the round that goes on from it."""
        assert self._cache is not None
        row, width = self._rows[place], self._width()
        spans = [(width - self._lengths()[place], width)]
        kv = cut_out(self._cache, slice(place, place + 1), spans)
        self._desk.prefixes.keep(self._adapter, [*row.prompt, *row.token_ids[:-1]], kv)

    def _width(self) -> int:
        """Columns of the cache."""
        return self._cache.get_seq_length() if self._cache else 0

    def _lengths(self) -> list[int]:
        """Tokens of each row in the cache: all but the last one, which the next step reads."""
        return [len(row.prompt) + len(row.token_ids) - 1 for row in self._rows]


def _mask(lengths: Sequence[int], width: int, device: Any) -> Tensor | None:
    """Ones for so many columns at the end of each row (B, T); `None` where nothing is hidden."""
    if min(lengths) == width:
        return None
    places = torch.arange(width, device=device)[None]
    return (places >= width - torch.tensor(lengths, device=device)[:, None]).long()
