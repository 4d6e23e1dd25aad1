"""Decodes one row's token ids as they come: to partial text, and to the completion at the end."""

from collections.abc import Callable, Sequence

from ptrapp.core.thoughts import ThoughtFormat, split, split_partial
from ptrapp.core.types import Completion, FinishReason, Split, ThoughtEnd

Decode = Callable[[Sequence[int]], str]

_INCOMPLETE = "\N{REPLACEMENT CHARACTER}"
"""Written by a tokenizer for the bytes of an incomplete character."""


class Transcript:
    """Turns the ids of one request into text incrementally; the prefill is part of the text."""

    def __init__(
        self, decode: Decode, fmt: ThoughtFormat, thinking: bool, stop: Sequence[str] = ()
    ):
        self._decode = decode
        self._format = fmt
        self._thinking = thinking
        self._stop = stop
        self._text = fmt.prefill(thinking)
        self._n_prefilled = self._n_searched = len(self._text)
        self._n_context = 0
        self._n_read = 0
        self._end: int | None = None
        """Position in the text at which a stop string begins, None before there is one."""

    def ends(self, token_ids: Sequence[int]) -> bool:
        """Returns whether the text contains a stop string. Call it after every token, or never."""
        if self._stop and self._end is None:
            unsure = self._read(token_ids)
            text = self._text + unsure
            overlap = max(map(len, self._stop)) - 1
            begin = max(self._n_searched - overlap, self._n_prefilled)
            found = [at for one in self._stop if (at := text.find(one, begin)) >= 0]
            self._n_searched = len(self._text)  # an incomplete character may still change
            if found:
                self._text, self._end = text, min(found)
        return self._end is not None

    def so_far(self, token_ids: Sequence[int]) -> Split:
        """Splits the partial text; an incomplete character, marker or stop string is held back."""
        self._read(token_ids)
        return split_partial(self._text, self._format, self._thinking, self._stop)

    def completion(
        self,
        token_ids: Sequence[int],
        times: Sequence[float],
        *,
        started: float,
        finish: FinishReason,
        logps: Sequence[float],
        show_logps: bool,
        thought_end: ThoughtEnd | None = None,
        asked_again: bool = False,
    ) -> Completion:
        """Returns the completion; an id that ended the turn is left out of its text."""
        cut = self._end is not None
        shown = token_ids[:-1] if finish is FinishReason.STOP and not cut else token_ids
        raw = self._text[: self._end] if cut else self._prefill + self._decode(shown)
        parts = split(raw, self._format, self._thinking)
        n_thought = self._n_thought(shown, raw, parts)
        n_thought = len(token_ids) if n_thought == len(shown) and not parts.response else n_thought
        return Completion(
            raw=raw,
            split=parts,
            token_ids=() if cut else tuple(token_ids),
            n_thought_tokens=n_thought,
            n_response_tokens=len(token_ids) - n_thought,
            finish_reason=finish,
            logprob_sum=None if cut else sum(logps),
            thought_s=times[n_thought - 1] - times[0] if n_thought else 0.0,
            duration_s=times[-1] - started,
            logps=tuple(logps) if show_logps and not cut else (),
            thought_end=thought_end,
            asked_again=asked_again,
        )

    @property
    def _prefill(self) -> str:
        return self._format.prefill(self._thinking)

    def _read(self, token_ids: Sequence[int]) -> str:
        """Appends the text of new ids; returns text that ends in half a character and is left out.

        Only new ids are decoded, after a few old ones as context: the text of an id may depend on
        the one before it (a leading space), never on earlier ones.
        """
        known = self._decode(token_ids[self._n_context : self._n_read])
        new = self._decode(token_ids[self._n_context :])[len(known) :]
        if not new or new.endswith(_INCOMPLETE):
            return new
        self._text += new
        self._n_context, self._n_read = self._n_read, len(token_ids)
        return ""

    def _n_thought(self, ids: Sequence[int], raw: str, parts: Split) -> int:
        """Returns the number of ids up to and with the response marker, by binary search."""
        prefill, marker = self._prefill, self._format.response_marker
        if marker not in raw:
            return len(ids) if parts.thought and not parts.response else 0
        low, high = 0, len(ids)
        while low < high:
            middle = (low + high) // 2
            if marker in prefill + self._decode(ids[:middle]):
                high = middle
            else:
                low = middle + 1
        return low
