"""What an import knows of the prompts it is at: their rounds and comparisons, found by content."""

from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

from db.storage import bulk
from db.storage.session import Session
from ptrapp.interchange.records import CompletionText

MOST_PROMPTS = 50_000
"""Kept in memory at once; others are read again when a row comes back to them."""


@dataclass(slots=True)
class CachedPrompt:
    """One prompt's rounds by content, and its comparisons by rounds and aspect."""

    rounds: dict[bytes, int] = field(default_factory=dict)
    comparisons: dict[tuple[int, int, str], int] = field(default_factory=dict)


class ImportCache:
    """The prompts of an import, those used last. A prompt that is new has nothing to read."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._prompts: OrderedDict[int, CachedPrompt] = OrderedDict()

    def __getitem__(self, prompt_id: int) -> CachedPrompt:
        return self._prompts[prompt_id]

    def put(self, prompt_ids: Iterable[int]) -> None:
        """New prompts: nobody answered them yet."""
        for prompt_id in prompt_ids:
            self._prompts[prompt_id] = CachedPrompt()

    def fetch(self, prompt_ids: Collection[int]) -> None:
        """Read what is stored of these prompts, where it is not at hand."""
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

    def tidy(self) -> None:
        """Put the prompts away that were not used for longest."""
        while len(self._prompts) > MOST_PROMPTS:
            self._prompts.popitem(last=False)


def digest_of(completion: CompletionText, parent_id: int | None) -> bytes:
    """What a completion is found by among those of its prompt."""
    return _digest(
        parent_id, completion.raw, completion.thought, completion.response, completion.thinking,
        completion.author, completion.version, completion.copy,
    )  # fmt: skip


def _digest(*content: object) -> bytes:
    return blake2b(repr(content).encode(), digest_size=16).digest()
