"""Plans how the thought of each request begins, ends and is ended."""

from collections.abc import Callable, Sequence

from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.engines.base import Request
from ptrapp.engines.local.rows import ThoughtPlan
from ptrapp.engines.local.transcript import Decode


class ThoughtPlanner:
    """Knows the ids that open and end a thought in a format."""

    def __init__(self, fmt: ThoughtFormat, encode: Callable[[str], Sequence[int]], decode: Decode):
        self._format = fmt
        self._decode = decode
        self._opening = tuple(encode(fmt.opening))
        self._closing = tuple(encode(fmt.closing))
        self._may_end: dict[int, bool] = {}

    def plan(self, request: Request, room: int) -> ThoughtPlan | None:
        """Returns the thought of a request whose context has `room` for so many tokens.

        Where there is not room for all, the thought leaves the response its length, but no more
        than half of the room. A template may open a thought in every mode (R1 kinds): a direct
        answer then has one as well.
        """
        fmt, drawn = self._format, request.sampling
        prefill = fmt.prefill(request.thinking)
        opened = bool(fmt.thought_marker) and fmt.thought_marker in prefill
        if not request.thinking and (not opened or fmt.response_marker in prefill):
            return None
        enforce = fmt.enforced if request.enforce is None else request.enforce
        opening, closing = (self._opening, self._closing) if enforce else ((), ())
        left = room - max(len(closing), 1)
        n_max = min(drawn.max_thought_tokens, max(left - drawn.max_tokens, left // 2))
        return ThoughtPlan(max(n_max, 1), self._ends, opening, closing)

    def is_blank(self, token_ids: Sequence[int]) -> bool:
        return not self._decode(token_ids).strip()

    def _ends(self, token_ids: Sequence[int]) -> bool:
        """Returns whether the last token completes the marker; few tokens can, and the others need
        no decoding."""
        marker, last = self._format.response_marker, token_ids[-1]
        if last not in self._may_end:
            self._may_end[last] = marker[-1] in self._decode([last])
        return self._may_end[last] and marker in self._decode(token_ids[-len(marker) :])
