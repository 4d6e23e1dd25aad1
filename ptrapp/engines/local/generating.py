"""Models whose cache cannot be padded, cut or joined: `generate` writes them, a token at a time."""

import threading
from collections.abc import Collection, Sequence
from queue import SimpleQueue
from typing import Any

import torch
from torch import Tensor
from transformers import LogitsProcessor, StoppingCriteria

from ptrapp.engines.local.decoding import Desk, Row, give_tokens


class Generating:
    """A lane's decoder that lets `generate` run until every row has its next token.

    `generate` cannot be left in the middle, so it has a thread of its own; that thread and the
    owner thread never run at once. Between two steps the owner may serve others, under another
    adapter too. What is drawn is drawn by our own seeds from the logits that `generate` shows its
    processors, so that a request gives the text it gives alone. Rows that came later wait for the
    end of those being written; rows that are done are carried along.
    """

    def __init__(self, desk: Desk):
        self._desk = desk
        self._waiting: list[Row] = []
        self._run: _Run | None = None

    def add(self, rows: Sequence[Row]) -> None:
        self._waiting += rows

    def drop(self, rows: Collection[Row]) -> None:
        """Stop writing rows; `generate` returns before its next forward when none is left."""
        gone = set(rows)
        self._waiting = [row for row in self._waiting if row not in gone]
        if self._run:
            self._run.gone |= gone
            self._end_if_done(self._run)

    def step(self) -> list[Row]:
        if self._run is None:
            self._run = _Run(self._desk, self._waiting)
            self._waiting = []
        run = self._run
        try:
            rows = run.go_on()
        except RuntimeError:
            self._run = None
            raise
        self._end_if_done(run)
        return rows

    def _end_if_done(self, run: "_Run") -> None:
        if not run.unfinished:
            self._run = None
            run.go_on()


class _Run:
    """One call of `generate`; it stops in `choose` until the owner thread says go on."""

    def __init__(self, desk: Desk, rows: Sequence[Row]):
        self._desk = desk
        self._rows = list(rows)
        self.gone: set[Row] = set()
        self._go = threading.Semaphore(0)
        self._said: SimpleQueue[list[Row] | Exception] = SimpleQueue()
        threading.Thread(target=self._generate, name="generate", daemon=True).start()

    @property
    def unfinished(self) -> list[Row]:
        return [row for row in self._rows if row.finish is None and row not in self.gone]

    def go_on(self) -> list[Row]:
        """Let it come to the next token or to its end; return the rows that got one.

        Raises `RuntimeError` for whatever `generate` raised.
        """
        self._go.release()
        said = self._said.get()
        if isinstance(said, Exception):
            raise RuntimeError(f"{type(said).__name__}: {said}") from said
        return said

    def choose(self, logits: Tensor) -> Tensor:
        """Draw the rows' tokens from `logits` (B, V), wait, and leave `generate` nothing else."""
        places = [place for place, row in enumerate(self._rows) if row in set(self.unfinished)]
        rows = [self._rows[place] for place in places]
        give_tokens(rows, logits[places], self._desk.eos_ids)
        only = torch.full_like(logits, -torch.inf)
        tokens = [row.token_ids[-1] if row.token_ids else 0 for row in self._rows]
        only[range(len(tokens)), tokens] = 0.0
        self._said.put(rows)
        self._go.acquire()
        return only

    def _generate(self) -> None:
        self._go.acquire()
        outcome: list[Row] | Exception = []
        try:
            width = max(len(row.prompt) for row in self._rows)
            pads = [width - len(row.prompt) for row in self._rows]
            ids = [[0] * n + list(row.prompt) for n, row in zip(pads, self._rows, strict=True)]
            mask = [[0] * n + [1] * (width - n) for n in pads]
            device = self._desk.model.device
            generate: Any = self._desk.model.generate
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
        except Exception as error:  # noqa: BLE001 - handed to the owner thread, not swallowed
            outcome = error
        self._said.put(outcome)


class _Choosing(LogitsProcessor):
    def __init__(self, run: _Run):
        self._run = run

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return self._run.choose(scores)


class _Stopping(StoppingCriteria):
    def __init__(self, run: _Run):
        self._run = run

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        done = torch.full((input_ids.shape[0],), not self._run.unfinished)  # (B,)
        return done.to(input_ids.device)
