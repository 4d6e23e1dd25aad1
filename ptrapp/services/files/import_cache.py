"""Caches the rounds and comparisons of the prompts of an import, found by content."""

from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

from db.storage import bulk
from db.storage.session import Session
from ptrapp.interchange.records import CompletionText

MAX_PROMPTS = 50_000
"""Prompts in memory at once; others are read again when a later row needs them."""


@dataclass(slots=True)
class CachedPrompt:
    """Ids of one prompt's rounds by content, and of its comparisons by rounds and aspect."""

    rounds: dict[bytes, int] = field(default_factory=dict)
    comparisons: dict[tuple[int, int, str], int] = field(default_factory=dict)


class ImportCache:
    """Caches the most recently used prompts of an import."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._prompts: OrderedDict[int, CachedPrompt] = OrderedDict()

    def __getitem__(self, prompt_id: int) -> CachedPrompt:
        return self._prompts[prompt_id]

    def put(self, prompt_ids: Iterable[int]) -> None:
        """Adds new prompts, of which nothing is stored yet."""
        for prompt_id in prompt_ids:
            self._prompts[prompt_id] = CachedPrompt()

    def fetch(self, prompt_ids: Collection[int]) -> None:
        """Reads what is stored of these prompts, unless it is cached."""
        missing = [prompt_id for prompt_id in prompt_ids if prompt_id not in self._prompts]
        self.put(missing)
        for prompt_id in prompt_ids:
            self._prompts.move_to_end(prompt_id)
        for row in bulk.rounds_of_prompts(self._session, missing):
            origin = row.sampling.get("origin", {})
            digest = _digest(
                row.parent_id, row.raw, row.thought, row.response, row.thinking,
                origin.get("author", row.author), origin.get("version"), origin.get("copy", 0),
            )  # fmt: skip
            self._prompts[row.prompt_id].rounds.setdefault(digest, row.id)
        for pair in bulk.comparisons_of_prompts(self._session, missing):
            sides = (pair.left_round_id, pair.right_round_id, pair.aspect.value)
            self._prompts[pair.prompt_id].comparisons[sides] = pair.id

    def evict(self) -> None:
        """Drops the least recently used prompts beyond `MAX_PROMPTS`."""
        while len(self._prompts) > MAX_PROMPTS:
            self._prompts.popitem(last=False)


def digest_of(completion: CompletionText, parent_id: int | None) -> bytes:
    """Returns the key of a completion among those of its prompt."""
    return _digest(
        parent_id, completion.raw, completion.thought, completion.response, completion.thinking,
        completion.author, completion.version, completion.copy,
    )  # fmt: skip


def _digest(*content: object) -> bytes:
    return blake2b(repr(content).encode(), digest_size=16).digest()
