"""Shows again what undone imports hold of a file that is imported: its rows change the import."""

from collections.abc import Collection
from dataclasses import dataclass, field
from hashlib import sha256

from db.labelling import imports
from db.storage.session import Session


@dataclass(slots=True)
class StoredBefore:
    """Ids of rows of a batch that were stored before."""

    rounds: set[int] = field(default_factory=set)
    pairs: set[int] = field(default_factory=set)
    scored: set[int] = field(default_factory=set)


class TakingOver:
    """What one import takes over; nothing where no import was ever undone."""

    def __init__(self, session: Session, import_id: int) -> None:
        self.found = StoredBefore()
        self._session = session
        self._import_id = import_id
        self._dead = imports.dead_imports(session)

    def living(self, keys: list[list[str]]) -> list[list[str]]:
        """Returns keys under which nothing undone is in the log, which forgets none of its own.

        A vote that was undone with its import is stored again under a key made of its own, and
        that one is found when it is imported once more.
        """
        if not self._dead:
            return keys
        renamed: dict[str, str] = {}
        waiting = {key: key for some in keys for key in some}
        while waiting:
            dead = imports.dead_votes(self._session, list(waiting.values()), self._dead)
            waiting = {
                key: sha256(f"{now}:{dead[now]}".encode()).hexdigest()
                for key, now in waiting.items()
                if now in dead
            }
            renamed |= waiting
        return [[renamed.get(key, key) for key in some] for some in keys]

    def prompts(self, ids: Collection[int]) -> set[int]:
        """Takes over prompts; returns those that were hidden."""
        if not self._dead or not ids:
            return set()
        found, _ = imports.take_over(self._session, self._import_id, self._dead, prompts=ids)
        return found

    def rest(self) -> int:
        """Takes over the runs, pairs and scores that were found. Returns how many were hidden."""
        found, self.found = self.found, StoredBefore()
        if not self._dead:
            return 0
        _, n = imports.take_over(
            self._session,
            self._import_id,
            self._dead,
            rounds=found.rounds,
            pairs=found.pairs,
            scored=found.scored,
        )
        return n
