"""The errors of the product: every failure that a person may read about has a class here.

::

    ThriceError
    ├── ConfigurationError          settings that cannot work, all of them reported together
    ├── InputError                  what a person or a script sent cannot be used
    │   ├── PromptEmpty
    │   ├── PromptTooLong
    │   ├── BadRow                  one row of an imported file; collected, and named by its line
    │   │   └── AnswerUnclear       several columns could say what was preferred; it has them
    │   ├── NotFound                an id that names nothing
    │   ├── Forbidden               the role of who asks does not allow it
    │   └── TooMuch                 one's share is in use; later it can be asked for again
    ├── EngineError                 the model could not answer
    │   ├── ModelUnusable           the path or hub id holds no model we can serve
    │   ├── ContextTooLong          this prompt and history do not fit; later rounds stop here
    │   ├── MessagesRefused         the chat template takes no such conversation
    │   ├── PolicyMissing           the adapter is not published on the engine
    │   ├── AdapterRejected         the engine cannot load or answer with the adapter
    │   ├── AdapterUnavailable      its files are away or cut short, or not for this engine
    │   ├── AdaptersUnsupported     the engine takes no adapter at all; this one may be good
    │   └── EngineUnavailable       no answer at all; try again later
    ├── StorageError                a file or folder could not be removed
    ├── ArtifactError               what the artifact store has is not what its hash says
    │   └── ArtifactsAway           the store does not answer, or refuses; it is tried again
    ├── KeepingError                the copy on the hub cannot be read or written
    │   ├── HubUnreachable          no answer, or none now; it is tried again
    │   └── RepositoryMoved         another app has written there since; nothing is overwritten
    ├── JudgeError                  no verdict: *unscored*, never a tie
    └── TrainingError               a job cannot go on; its message is stored on the job
        ├── NothingToLearn          no pair or trajectory is left after the filters
        └── ParentUnusable          the parent adapter is gone or belongs to another base

The database has its own small tree (`db.storage.errors`), because `db` imports no other package.
A message says what failed, the offending value, and what to do.
"""

from collections.abc import Sequence


class ThriceError(Exception):
    """A failure with one clear sentence for a person as its message."""


class ConfigurationError(ThriceError):
    """Settings that cannot work. The message lists every mistake, one a line."""


class InputError(ThriceError):
    """The input cannot be used."""


class PromptEmpty(InputError):
    """The prompt holds nothing but white space."""


class PromptTooLong(InputError):
    """The prompt is over the limit on characters, before any tokenisation."""


class BadRow(InputError):
    """One row of an imported file cannot be used; the reader adds its line."""


class AnswerUnclear(BadRow):
    """More than one column or control could say what was preferred; a person has to name it."""

    def __init__(self, message: str, columns: Sequence[str]) -> None:
        super().__init__(message)
        self.columns = tuple(columns)
        """The columns or controls that could be it."""


class NotFound(InputError):
    """The id names nothing in the database."""


class Forbidden(InputError):
    """The role of the caller does not allow it, or not yet."""


class TooMuch(InputError):
    """The caller's share is in use, or was asked for too often; it may be tried again later."""


class EngineError(ThriceError):
    """The model could not answer."""


class ModelUnusable(EngineError):
    """The path or hub id holds no model this engine can serve."""


class ContextTooLong(EngineError):
    """Prompt, history and the room for an answer exceed the model's context."""


class MessagesRefused(EngineError):
    """The model's chat template refuses this conversation; others are answered."""


class PolicyMissing(EngineError):
    """The adapter a request names is not published on this engine."""


class AdapterRejected(EngineError):
    """The engine could not load the adapter, or could not answer one token with it."""


class AdapterUnavailable(EngineError):
    """The adapter cannot be served now; it is tried again when asked, and at each start."""


class AdaptersUnsupported(EngineError):
    """The engine, as it was started, accepts no adapter; the one it was given may be good."""


class EngineUnavailable(EngineError):
    """The engine does not answer."""


class StorageError(ThriceError):
    """A file or folder could not be removed."""


class ArtifactError(ThriceError):
    """What the artifact store has cannot be used."""


class ArtifactsAway(ArtifactError):
    """The artifact store does not answer, or refuses; what is lacking is tried again."""


class KeepingError(ThriceError):
    """The copy of the data on the hub cannot be read or written."""


class HubUnreachable(KeepingError):
    """The hub does not answer, or cannot now."""


class RepositoryMoved(KeepingError):
    """The repository has a newer commit, of another app, than the one that ours stands on."""


class JudgeError(ThriceError):
    """The judge gave no usable verdict. The comparison stays unscored."""


class TrainingError(ThriceError):
    """The job cannot go on; the message is stored on the job."""


class NothingToLearn(TrainingError):
    """After the filters no pair or trajectory is left."""


class ParentUnusable(TrainingError):
    """The parent adapter is gone, or was trained on another base model."""
