"""The ledger after a kill: every acknowledged vote once, counters that agree, files as stored."""

from collections.abc import Iterator

from bench.faults.world import World
from bench.labels.recount import recount
from ptrapp.services.backups.checking import check
from ptrapp.services.backups.folder import damaged, listing


def problems(world: World) -> Iterator[str]:
    """Yields a sentence for all that is not as it was promised; people vote meanwhile."""
    acknowledged = world.annotators.acknowledged
    counted = recount(world.folder, world.campaign, acknowledged, url=world.url)
    yield from (f"{n} {name}" for name, n in counted.flaws.items())
    n_twice = len(acknowledged) - len(set(acknowledged))
    if n_twice:
        yield f"{n_twice} votes were acknowledged under a key that had one"
    if counted.n_votes < len(set(acknowledged)):
        yield f"{counted.n_votes} labels stand for {len(acknowledged)} that were acknowledged"
    yield from check(world.settings, world.database).problems
    for backup in listing(world.settings.backups_dir):
        yield from damaged(backup)
    yield from (f"a vote was refused: {error}" for error in world.annotators.errors)
