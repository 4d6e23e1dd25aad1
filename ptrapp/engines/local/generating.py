"""Decodes with `generate`, for models whose cache cannot be padded, cut or joined."""

import threading
from collections.abc import Collection, Sequence
from queue import SimpleQueue
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor, StoppingCriteria

from ptrapp.engines.local.decoding import DecoderContext
from ptrapp.engines.local.rows import Row, draw_tokens


class GenerateDecoder:
    """A decoder whose step lets `generate` run until every row has its next token.

    `generate` cannot be suspended, so it has a thread of its own; that thread and the model thread
    never run at once. Between two steps the model thread may serve other batches, even with another
    adapter. Tokens are drawn with each row's own seed from the logits that `generate` passes to its
    processors, so that a request gives the same text as alone. Rows that come later wait for the
    end of the current call; rows that are done stay in it.
    """

    def __init__(self, context: DecoderContext):
        # The model's own processors (no_repeat_ngram_size, suppress_tokens …) would run before ours
        # and change text and log-probabilities: what is sampled is the policy, as it is trained.
        context.model.generation_config = GenerationConfig(eos_token_id=sorted(context.eos_ids))
        self._context = context
        self._waiting: list[Row] = []
        self._call: _GenerateCall | None = None

    def add(self, rows: Sequence[Row]) -> None:
        self._waiting += rows

    def drop(self, rows: Collection[Row]) -> None:
        """Removes rows; `generate` returns before its next forward when none is left."""
        dropped = set(rows)
        self._waiting = [row for row in self._waiting if row not in dropped]
        if self._call:
            self._call.dropped |= dropped
            self._end_if_done(self._call)

    def step(self) -> list[Row]:
        if self._call is None:
            self._call = _GenerateCall(self._context, self._waiting)
            self._waiting = []
        call = self._call
        try:
            rows = call.advance()
        except RuntimeError:
            self._call = None
            raise
        self._end_if_done(call)
        return rows

    def _end_if_done(self, call: "_GenerateCall") -> None:
        if not call.unfinished:
            self._call = None
            call.advance()


class _GenerateCall:
    """One call of `generate`, which waits in `choose` until the model thread advances it."""

    def __init__(self, context: DecoderContext, rows: Sequence[Row]):
        self._context = context
        self._rows = list(rows)
        self.dropped: set[Row] = set()
        self._may_run = threading.Semaphore(0)
        self._results: SimpleQueue[list[Row] | Exception] = SimpleQueue()
        threading.Thread(target=self._generate, name="generate", daemon=True).start()

    @property
    def unfinished(self) -> list[Row]:
        return [row for row in self._rows if row.finish is None and row not in self.dropped]

    def advance(self) -> list[Row]:
        """Runs `generate` to its next token or to its end; returns the rows that got a token.

        Raises `RuntimeError` for whatever `generate` raised.
        """
        self._may_run.release()
        result = self._results.get()
        if isinstance(result, Exception):
            raise RuntimeError(f"{type(result).__name__}: {result}") from result
        return result

    def choose(self, logits: Tensor) -> Tensor:
        """Draws the rows' tokens from `logits` (B, V), waits, and returns logits forcing them."""
        index = [at for at, row in enumerate(self._rows) if row in set(self.unfinished)]
        rows = [self._rows[at] for at in index]
        draw_tokens(rows, logits[index], self._context.eos_ids)
        only = torch.full_like(logits, -torch.inf)
        tokens = [row.token_ids[-1] if row.token_ids else 0 for row in self._rows]
        only[range(len(tokens)), tokens] = 0.0
        self._results.put(rows)
        self._may_run.acquire()
        return only

    def _generate(self) -> None:
        self._may_run.acquire()
        outcome: list[Row] | Exception = []
        try:
            width = max(len(row.prompt) for row in self._rows)
            pads = [width - len(row.prompt) for row in self._rows]
            ids = [[0] * n + list(row.prompt) for n, row in zip(pads, self._rows, strict=True)]
            mask = [[0] * n + [1] * (width - n) for n in pads]
            device = self._context.model.device
            generate: Any = self._context.model.generate
            generate(
                torch.tensor(ids, device=device),  # (B, T)
                attention_mask=torch.tensor(mask, device=device),
                logits_processor=[_Choosing(self)],
                stopping_criteria=[_Stopping(self)],
                max_new_tokens=max(row.n_max for row in self._rows),
                do_sample=False,
                num_beams=1,
                repetition_penalty=1.0,
                pad_token_id=0,
            )
        except Exception as error:  # noqa: BLE001 - raised in the model thread
            outcome = error
        self._results.put(outcome)


class _Choosing(LogitsProcessor):
    def __init__(self, call: _GenerateCall):
        self._call = call

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return self._call.choose(scores)


class _Stopping(StoppingCriteria):
    def __init__(self, call: _GenerateCall):
        self._call = call

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        done = torch.full((input_ids.shape[0],), not self._call.unfinished)  # (B,)
        return done.to(input_ids.device)
