"""Shows again what hidden imports hold of a file that is imported: its rows change the import."""

from collections.abc import Collection
from dataclasses import dataclass, field
from hashlib import sha256

from db.labelling import imports
from db.storage import bulk
from db.storage.session import Session


@dataclass(slots=True)
class StoredBefore:
    """Ids of rows that were stored before, each with the place of its record in the batch.

    The first record that names a row has it, so that a row counts once.
    """

    prompts: dict[int, int] = field(default_factory=dict)
    rounds: dict[int, int] = field(default_factory=dict)
    pairs: dict[int, int] = field(default_factory=dict)
    scored: dict[int, int] = field(default_factory=dict)


class TakingOver:
    """What one import takes over; nothing where no other import is hidden."""

    def __init__(self, session: Session, import_id: int, hidden: Collection[int]) -> None:
        self.found = StoredBefore()
        self._session = session
        self._import_id = import_id
        self._hidden = hidden

    def living(self, keys: list[list[str]]) -> list[list[str]]:
        """Returns keys under which nothing hidden is in the log, which forgets none of its own.

        A vote that is hidden with its import is stored again under a key made of its own. That one
        is what counts from then on, and is found when it is imported once more.
        """
        if not self._hidden:
            return keys
        renamed: dict[str, str] = {}
        waiting = {key: key for some in keys for key in some}
        while waiting:
            by = imports.given_by(self._session, list(waiting.values()))
            after = {
                key: sha256(f"{now}:{by[now]}".encode()).hexdigest()
                for key, now in waiting.items()
                if by.get(now) is not None
            }
            there = bulk.known_vote_keys(self._session, list(after.values()))
            waiting = {
                key: then
                for key, then in after.items()
                if then in there or by[waiting[key]] in self._hidden
            }
            renamed |= waiting
        return [[renamed.get(key, key) for key in some] for some in keys]

    def voted(self, at: dict[str, int]) -> None:
        """Notes what the votes with these keys are on; each key has its record's place.

        Such a vote may be shown and its pair not: another import, undone since, had brought that.
        """
        if not self._hidden or not at:
            return
        found = self.found
        for pair in imports.pairs_of_votes(self._session, at):
            place = at[pair.key]
            found.pairs.setdefault(pair.id, place)
            found.prompts.setdefault(pair.prompt_id, place)
            found.rounds.setdefault(pair.left_id, place)
            found.rounds.setdefault(pair.right_id, place)
        for one, parent in imports.earlier_rounds(self._session, found.rounds).items():
            found.rounds.setdefault(parent, found.rounds[one])

    def take(self, new: list[bool]) -> int:
        """Takes over what was found, and marks the records that this shows again as new.

        Returns the number of rows.
        """
        found, self.found = self.found, StoredBefore()
        if not self._hidden:
            return 0
        taken = imports.take_over(
            self._session,
            self._import_id,
            self._hidden,
            prompts=found.prompts,
            rounds=found.rounds,
            pairs=found.pairs,
            scored=found.scored,
        )
        for ids, places in (
            (taken.prompts, found.prompts),
            (taken.rounds, found.rounds),
            (taken.pairs, found.pairs),
            (taken.scored, found.scored),
        ):
            for one in ids:
                new[places[one]] = True
        return taken.n
