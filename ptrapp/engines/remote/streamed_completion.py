"""Collects the chunks of a streamed answer: partial text, and the completion at the end."""

import time

from openai.types.chat import ChatCompletionChunk

from ptrapp.core.thoughts import ThoughtFormat, split, split_partial
from ptrapp.core.types import Completion, FinishReason, Sampling, Split, ThoughtEnd
from ptrapp.engines.remote.probe import cut_by_stop_string, reasoning, token_ids

_FINISHES = {"length": FinishReason.LENGTH, "stop": FinishReason.STOP}


class Interrupted(Exception):
    """The stream ended before its answer; the candidate must be sampled again as a whole."""


class StreamedCompletion:
    """Collects the chunks of one candidate. Thoughts come in the text, or in a field of their own.

    With stop strings a server holds text back but sends its ids at once: the marker is then seen a
    few tokens late, which `n_thought_tokens` counts as thought.
    """

    def __init__(
        self,
        fmt: ThoughtFormat,
        thinking: bool,
        started: float,
        logps: bool = False,
        *,
        begun: str = "",
        token: str = "",
    ):
        """Takes as `begun` the text that was put before what the server writes, so that it is part
        of the completion without ids of its own, and behind it the `token` that the model's
        response begins with."""
        self._format = fmt
        self._thinking = thinking
        self._begun = begun + token
        self._prefill = fmt.prefill(thinking) + self._begun
        # nobody tells a lone token that comes back from one that the model repeats
        self._echo = "" if self._prefill == token else self._prefill
        self._n_begun = int(bool(token))
        self._started = started
        self._keep_logps = logps
        self._reasoning = ""
        self._content = ""
        self._ids: list[int] = []
        self._logprobs: list[float] = []
        self._n_chunks = 0
        self._n_counted: int | None = None
        self._finish: FinishReason | None = None
        self._cut = False
        self._first_at = self._marker_at = self._last_at = started
        self._n_thought = 0 if fmt.response_marker in self._prefill else None
        self._n_before = 0
        self._end_before: ThoughtEnd | None = None
        self._thought_s = 0.0

    @property
    def raw(self) -> str:
        """The text so far, with the markers where the embedded engine has them."""
        opened = self._format.thought_marker in self._prefill
        closed = self._format.response_marker in self._prefill
        if self._reasoning and (self._thinking or not self._prefill or (opened and not closed)):
            thought = self._format.thought_marker + self._reasoning
            marker = self._format.response_marker
            joint = marker if self._content and marker not in self._reasoning else ""
            return thought + joint + self._content
        text = (
            self._reasoning + self._content
        )  # a reasoning parser takes a prefilled answer for a thought
        if self._echo.startswith(text):
            return self._prefill
        return self._prefill + text.removeprefix(self._echo)

    @property
    def written(self) -> str:
        """The text so far without what the template wrote."""
        return self.raw.removeprefix(self._format.prefill(self._thinking))

    @property
    def continued(self) -> str:
        """The text so far behind what was begun."""
        return self.raw.removeprefix(self._prefill)

    @property
    def n_tokens(self) -> int:
        return len(self._ids) or self._n_counted or self._n_chunks

    def add(self, chunk: ChatCompletionChunk) -> bool:
        """Adds a chunk; returns whether there is more to show. Raises `Interrupted`."""
        if chunk.usage:
            self._n_counted = chunk.usage.completion_tokens
        if not chunk.choices:
            return False
        if len(chunk.choices) > 1 or chunk.choices[0].index:
            raise Interrupted("it sent several candidates where one was asked for")
        choice = chunk.choices[0]
        thought, text = reasoning(choice.delta), choice.delta.content or ""
        ids = token_ids(choice)
        self._reasoning += thought
        self._content += text
        self._ids += ids
        if choice.logprobs and choice.logprobs.content:
            self._logprobs += [one.logprob for one in choice.logprobs.content]
        if choice.finish_reason:
            self._end(choice.finish_reason)
            self._cut = cut_by_stop_string(choice)
        if not (thought or text or ids):
            return False
        self._n_chunks += 1
        self._last_at = time.monotonic()
        if self._n_chunks == 1:
            self._first_at = self._last_at
        if self._n_thought is None and self._format.response_marker in self.raw:
            self._n_thought, self._marker_at = self.n_tokens, self._last_at
        return True

    def after(self, first: "StreamedCompletion") -> "StreamedCompletion":
        """Continues a completion whose thought has ended, mostly for the model; returns itself."""
        self._end_before = first._thought_end()
        self._n_before = first._n_thought if first._n_thought is not None else first.n_tokens
        asked_at, first_at = first.times
        self._thought_s, self._started = self._started - first_at, asked_at
        return self

    @property
    def finish(self) -> FinishReason | None:
        return self._finish

    @property
    def times(self) -> tuple[float, float]:
        """When it was asked for and when its first token came."""
        return self._started, self._first_at

    @property
    def responds(self) -> bool:
        """Whether the response marker has been written."""
        return self._n_thought is not None

    def cut(self) -> None:
        """Ends it at a limit that the server was not told."""
        self._finish = self._finish or FinishReason.LENGTH

    def is_full(self, sampling: Sampling) -> bool:
        """Returns whether the thought has used its budget, or the response its length."""
        if self._n_thought is not None:
            n_response = self.n_tokens - self._n_thought + self._n_begun
            return n_response >= sampling.max_tokens
        return self._thinking and self.n_tokens >= sampling.max_thought_tokens

    def so_far(self) -> Split:
        return split_partial(self.raw, self._format, self._thinking)

    def completion(self) -> Completion:
        """Returns the completion. Raises `Interrupted` when the server did not end it."""
        if self._finish is None:
            raise Interrupted("the stream ended before the answer did")
        parts = split(self.raw, self._format, self._thinking)
        n_thought = self._n_thought
        if n_thought is None:
            n_thought = self.n_tokens if parts.thought and not parts.response else 0
            self._marker_at = self._last_at
        n_thought = min(n_thought, self.n_tokens)
        cut = self._cut or bool(self._begun)
        scored = len(self._logprobs) == self.n_tokens and not cut
        return Completion(
            raw=self.raw,
            split=parts,
            token_ids=() if cut else tuple(self._ids),
            n_thought_tokens=self._n_before + n_thought,
            n_response_tokens=self.n_tokens - n_thought + self._n_begun,
            finish_reason=self._finish,
            logprob_sum=sum(self._logprobs) if scored else None,
            thought_s=self._marker_at - self._first_at if n_thought else self._thought_s,
            duration_s=self._last_at - self._started,
            logps=tuple(self._logprobs) if scored and self._keep_logps else (),
            thought_end=self._thought_end() if self._thinking else None,
        )

    def _thought_end(self) -> ThoughtEnd:
        if self._end_before:
            return self._end_before
        if self.responds:
            return ThoughtEnd.MODEL
        return ThoughtEnd.TURN if self._finish is FinishReason.STOP else ThoughtEnd.BUDGET

    def _end(self, reason: str) -> None:
        if reason == "abort":
            raise Interrupted("the server gave the answer up")
        self._finish = _FINISHES.get(reason, FinishReason.STOP)
