"""Exports files for other trainings with a manifest: the same request gives the same bytes."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from db.content import exported
from db.labelling import campaigns, exports, votes
from db.labelling.exports import VoteFilter
from db.models import Aspect, Campaign
from db.storage.session import Session
from ptrapp.core.errors import InputError
from ptrapp.interchange import card, writing
from ptrapp.interchange.writing import Hashed, Sink
from ptrapp.services.context import DataContext
from ptrapp.services.files import export_rows
from ptrapp.services.files.export_records import Records
from ptrapp.services.files.export_request import COUNTED_BY, ExportRequest, What
from ptrapp.services.files.export_rows import Completions, ExportTally, Row

N_SAMPLES = 3
"""Rows that are shown before a file is written."""
_SAMPLED = 50
"""Pairs among which they are: some cannot be learnt."""


class ExportLook(NamedTuple):
    """What an export would hold."""

    n: int
    """Votes, judged pairs, refined rounds, prompts or scores; fewer rows where some cannot be
    learnt."""
    rows: list[Row]
    """The first ones."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Describes a file well enough to write it again and to see that it is the same."""

    what: str
    sha256: str
    """Hash of the rows as JSONL, whatever the kind of the file."""
    n_rows: int
    up_to: int
    campaign: str | None
    kinds: list[str] | None
    completions: str
    names: bool
    n_raters: dict[str, int]
    """By kind."""
    n_votes: dict[str, int]
    """By kind of rater."""
    dropped: dict[str, int]
    """What was left out, by reason."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def write(
    context: DataContext,
    ask: ExportRequest,
    path: Path,
    *,
    kind: str | None = None,
    expect: str | None = None,
) -> Manifest:
    """Writes a file, whose kind its name's ending gives, and stores its manifest.

    Raises `InputError`, and leaves no file, when its hash is not the expected one.
    """
    kind = kind or writing.kind_of(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            manifest = _write(context, ask, file, kind)
        _check_hash(manifest, expect)
        unfinished.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        unfinished.unlink(missing_ok=True)
    _save(context, manifest)
    return manifest


def write_to(
    context: DataContext, ask: ExportRequest, kind: str, to: Sink, *, expect: str | None = None
) -> Manifest:
    """Writes the rows while they are read, and stores the manifest at the end.

    Whoever reads must be told where an error is raised: what was written until then looks whole.
    Raises `InputError` when the hash is not the expected one, as is known at the end.
    """
    if kind not in writing.KINDS:
        raise InputError(f"{kind!r} is no kind of file; known are {', '.join(writing.KINDS)}.")
    try:
        manifest = _write(context, ask, to, kind)
        to.flush()
    except OSError as error:
        raise InputError(f"The export could not be written on: {error.strerror}.") from error
    _check_hash(manifest, expect)
    _save(context, manifest)
    return manifest


def fixed(context: DataContext, ask: ExportRequest, kind: str) -> ExportRequest:
    """Returns the request as of now, with the id of the last row that it reads.

    Raises `InputError` and `Missing` as writing it would.
    """
    writing.check_kind(ask.what, kind)
    with context.database.read() as session:
        _campaign(session, ask)
        return replace(ask, up_to=_last_id(session, ask))


def write_temporary(
    context: DataContext, ask: ExportRequest, kind: str, *, expect: str | None = None
) -> tuple[Path, Manifest]:
    """Writes a temporary file, which the caller removes."""
    handle, name = tempfile.mkstemp(suffix=f".{kind}", prefix="thrice-")
    os.close(handle)
    path = Path(name)
    with ExitStack() as undo:
        undo.callback(path.unlink, missing_ok=True)
        manifest = write(context, ask, path, kind=kind, expect=expect)
        undo.pop_all()
    return path, manifest


def look(context: DataContext, ask: ExportRequest) -> ExportLook:
    """Returns about how many rows an export has, and the first ones. Writes nothing."""
    with context.database.read() as session:
        campaign = _campaign(session, ask)
        up_to = _last_id(session, ask)
        wanted = _votes_wanted(ask, campaign, up_to)
        sample = wanted
        if ask.what in (What.PREFERENCES, What.UNPAIRED):
            sample = exports.sampled(session, wanted, _SAMPLED)
        first = list(islice(_rows(session, ask, sample, ExportTally()), N_SAMPLES))
        return ExportLook(_count(session, ask, wanted), first)


def campaign_id(context: DataContext, ask: ExportRequest) -> int | None:
    """Returns the id of the request's campaign. Raises `Missing`, `Conflict`."""
    with context.database.read() as session:
        campaign = _campaign(session, ask)
        return campaign.id if campaign else None


def again(manifest: Mapping[str, Any]) -> str:
    """Returns the command that writes an earlier export again."""
    return card.command(manifest)


def snapshots(context: DataContext) -> list[dict[str, Any]]:
    """Returns the manifests of the newest 50 exports, newest first."""
    folder = context.settings.exports_dir
    files = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)
    return [json.loads(file.read_bytes()) for file in files[:50]]


def snapshots_stamp(context: DataContext) -> str:
    """Returns what changes when an export is made."""
    folder = context.settings.exports_dir
    return str(folder.stat().st_mtime_ns) if folder.exists() else "none yet"


def _write(context: DataContext, ask: ExportRequest, to: Sink, kind: str) -> Manifest:
    tally = ExportTally()
    with context.database.read() as session:
        campaign = _campaign(session, ask)
        up_to = _last_id(session, ask)
        hashed = Hashed(_rows(session, ask, _votes_wanted(ask, campaign, up_to), tally))
        writing.write(hashed, to, ask.what, kind)
    return Manifest(
        what=ask.what.value,
        sha256=hashed.sha256,
        n_rows=hashed.n,
        up_to=up_to,
        campaign=campaign.name if campaign else None,
        kinds=sorted(kind.value for kind in ask.kinds) if ask.kinds is not None else None,
        completions=ask.completions.value,
        names=ask.names,
        n_raters={kind: len(names) for kind, names in sorted(tally.raters.items())},
        n_votes=dict(sorted(tally.n_votes.items())),
        dropped=dict(sorted((+tally.dropped).items())),
    )


def _check_hash(manifest: Manifest, expect: str | None) -> None:
    if expect is not None and manifest.sha256 != expect:
        raise InputError(
            f"The export is another one than was expected: its hash is {manifest.sha256}, not "
            f"{expect}. Ask for the same campaign, kinds and completions, with --up-to; names "
            "of raters and held-out prompts must not have been changed since."
        )


def _rows(
    session: Session, ask: ExportRequest, chosen: VoteFilter, tally: ExportTally
) -> Iterator[Row]:
    records = Records(session, names=ask.names)
    match ask.what:
        case What.VOTES:
            return export_rows.vote_rows(session, chosen, records, tally)
        case What.PREFERENCES:
            what = ask.completions
            return export_rows.preference_rows(session, chosen, what, records, tally)
        case What.UNPAIRED:
            return export_rows.unpaired_rows(session, chosen, ask.completions, tally)
        case What.REFINEMENTS:
            return export_rows.refinement_rows(session, chosen.up_to, ask.completions, tally)
        case What.PROMPTS:
            return export_rows.prompt_rows(session, chosen.up_to)
        case What.SCORES:
            return export_rows.score_rows(session, chosen, ask.completions, records, tally)


def _count(session: Session, ask: ExportRequest, wanted: VoteFilter) -> int:
    match ask.what:
        case What.VOTES:
            return exports.count_votes(session, wanted)
        case What.REFINEMENTS:
            return exports.count_refined(session, wanted.up_to)
        case What.PROMPTS:
            return exported.count_prompts(session, wanted.up_to)
        case What.SCORES:
            return exported.count_scores(session, wanted.up_to, wanted.kinds)
        case What.PREFERENCES | What.UNPAIRED:
            return exports.count_pairs(session, wanted)


def _votes_wanted(ask: ExportRequest, campaign: Campaign | None, up_to: int) -> VoteFilter:
    aspect = campaign.aspect if campaign else Aspect.RESPONSE
    return VoteFilter(up_to, campaign.id if campaign else None, ask.kinds, aspect)


def _campaign(session: Session, ask: ExportRequest) -> Campaign | None:
    if ask.campaign is None:
        return None
    if ask.what in COUNTED_BY:
        what = ask.what.value.capitalize()
        raise InputError(f"{what} belong to no campaign; leave the campaign out.")
    campaign = campaigns.find_given(session, ask.campaign)
    if campaign.aspect is Aspect.THOUGHT and ask.completions is Completions.RESPONSE:
        raise InputError(
            f"In the campaign {campaign.name!r} thoughts are compared; responses alone do not hold "
            "them. Ask for full completions."
        )
    return campaign


def _last_id(session: Session, ask: ExportRequest) -> int:
    highest = {"round": exports.highest_round_id, "prompt": exported.highest_prompt_id}
    what = COUNTED_BY.get(ask.what, "vote")
    newest = highest.get(what, votes.highest_vote_id)(session)
    if ask.up_to is None:
        return newest
    if not 0 <= ask.up_to <= newest:
        raise InputError(f"There is no {what} {ask.up_to} yet; the newest is {newest}.")
    return ask.up_to


def _save(context: DataContext, manifest: Manifest) -> None:
    """Stores the manifest under its hash; the same export again overwrites it."""
    folder = context.settings.exports_dir
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{manifest.what}-{manifest.up_to}-{manifest.sha256[:16]}.json"
    (folder / name).write_text(json.dumps(manifest.as_json(), indent=2), encoding="utf-8")
