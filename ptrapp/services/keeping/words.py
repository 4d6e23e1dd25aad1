"""Says in words until when everything is safe on the hub as well."""

from datetime import UTC, datetime

from ptrapp.services.backups.state import ago
from ptrapp.services.context import AppContext


def in_words(context: AppContext) -> str:
    """Returns a sentence or two for everybody; empty where no copy is kept on the hub."""
    if context.kept is None:
        return ""
    kept = context.kept.now
    if kept.overtaken:
        return kept.overtaken
    if kept.trouble:
        what = f"What came after {_moment(kept.until)}" if kept.until else "Everything"
        return f"{what} is stored here alone: {kept.trouble}. It is tried again."
    if kept.until is None:
        return "Stored here; the first copy to the owner's repository is being made."
    if context.database.last_write is kept.mark:
        return f"Stored here, and safe in the owner's repository as of {_moment(kept.until)}."
    every = f"{context.settings.keep_every_min:g}"
    return (
        f"Stored here at once, and up to {_moment(kept.until)} safe in the owner's repository too. "
        f"The next copy is made within {every} min."
    )


def trouble(context: AppContext) -> str:
    """Returns what readers are warned of; empty while copies are made."""
    if context.kept is None or not context.kept.now.trouble:
        return ""
    return in_words(context)


def _moment(moment: datetime) -> str:
    return f"{moment:%H:%M} UTC ({ago(datetime.now(UTC) - moment)})"
