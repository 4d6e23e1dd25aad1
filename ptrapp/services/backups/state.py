"""Says in words how old the last backup is, and whether it could be restored."""

from datetime import UTC, datetime, timedelta

from ptrapp.core.counts import counted
from ptrapp.core.public import in_public
from ptrapp.services.backups.folder import latest, listing, read_test
from ptrapp.services.backups.schedule import due_at
from ptrapp.services.context import DataContext

_LATE = timedelta(hours=1)
"""How long after its time a backup may be running without being called overdue."""


def in_words(context: DataContext, trouble: str = "") -> str:
    """Returns one paragraph for an admin; it names no folder of this machine.

    `trouble` is why the last one failed.
    """
    settings = context.settings
    now = datetime.now(UTC)
    last = latest(settings.backups_dir)
    sentences = []
    if last is None:
        sentences.append("There is no backup yet.")
    else:
        size = f"{last.n_bytes / 1e6:,.1f} MB in {counted(len(last.files), 'file')}"
        sentences.append(f"The last backup was made {ago(now - last.made_at)} ({size}).")
        test = read_test(last)
        if test is None:
            sentences.append("It has not been restored as a test.")
        elif test.problems:
            n = len(test.problems)
            sentences.append(
                f"**It could not be restored without loss** ({n} found, tried "
                f"{ago(now - test.at)}): {test.problems[0]}."
            )
        else:
            when = ago(now - test.at)
            sentences.append(f"It was restored as a test {when}, with everything as it was stored.")
    due = due_at(settings)
    if due is None:
        sentences.append("None is made by the clock (`--backup-every-h 0`).")
    else:
        sentences.append(
            f"One is made every {settings.backup_every_h:g} h and {settings.backups_kept} are kept"
            + (f"; there are {len(listing(settings.backups_dir))}." if last else ".")
        )
        if trouble:
            sentences.append(f"**The last try failed**: {in_public(trouble).rstrip('.')}.")
        elif now > due + _LATE:
            sentences.append("**The next is overdue**: the terminal says why.")
    return " ".join(sentences)


def ago(passed: timedelta) -> str:
    """Returns a time that has passed, in its largest unit.

    >>> ago(timedelta(minutes=90)), ago(timedelta(seconds=20)), ago(timedelta(days=3))
    ('2 h ago', 'just now', '3 days ago')
    """
    minutes = passed.total_seconds() / 60
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes:.0f} min ago"
    return f"{minutes / 60:.0f} h ago" if minutes < 48 * 60 else f"{minutes / 1440:.0f} days ago"
