"""One row's text as it grows: pieces that are safe to show, and the completion at its end."""

from collections.abc import Callable, Sequence

from ptrapp.core.thoughts import ThoughtFormat, split, split_partial
from ptrapp.core.types import Completion, FinishReason, Split

Decode = Callable[[Sequence[int]], str]

_INCOMPLETE = "\N{REPLACEMENT CHARACTER}"
"""What a tokenizer writes for bytes that are not yet a character."""


class Transcript:
    """Turns the ids of one request into text, a few at a time; `prefill` is part of the text."""

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
        """Where in the text a stop string begins, once one is there."""

    def ends(self, token_ids: Sequence[int]) -> bool:
        """Whether a stop string has been written. To be asked after every token, or never."""
        if self._stop and self._end is None:
            unsure = self._read(token_ids)
            text = self._text + unsure
            overlap = max(map(len, self._stop)) - 1
            begin = max(self._n_searched - overlap, self._n_prefilled)
            found = [at for one in self._stop if (at := text.find(one, begin)) >= 0]
            self._n_searched = len(self._text)  # what is not yet a character may still change
            if found:
                self._text, self._end = text, min(found)
        return self._end is not None

    def so_far(self, token_ids: Sequence[int]) -> Split:
        """Take apart what is written; a character, marker or stop string that is only half there is
        held back."""
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
    ) -> Completion:
        """Return the whole; the last id is left out of the text when it ended the turn."""
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
        )

    @property
    def _prefill(self) -> str:
        return self._format.prefill(self._thinking)

    def _read(self, token_ids: Sequence[int]) -> str:
        """Append the text of new ids; return what ends in half a character and is not appended.

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
        """Ids up to and with the response marker: the shortest beginning that shows the marker."""
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
