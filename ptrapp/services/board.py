"""Builds what one rater may see of a run, as plain values: stored rounds and those in progress.

A board contains a thought only if this rater opened it and has no open comparison of its round.
While a pair of the run is open for this rater, on any page, no mark is in it either: which round is
right, and what it fixed, broke or changed. Hidden on the page all that would not be secret, so it
is not sent.
"""

from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import Any

from db.content.rounds import ADAPTER_IDS
from db.labelling import offers
from db.labelling.offers import Look
from db.models import POLICY, Offer, Round, Run, RunMode, RunState, Vote
from db.storage.session import Session
from ptrapp.analysis.diff import Piece, word_diff
from ptrapp.core.public import in_public
from ptrapp.core.types import Split
from ptrapp.judges.verifier import Verifier
from ptrapp.rendering import is_plain, render
from ptrapp.services.compare import as_shown, hides_versions
from ptrapp.services.context import AppContext, LiveRun, Slot
from ptrapp.services.other_apps import written_elsewhere
from ptrapp.services.run_looks import load_looked_at
from ptrapp.tasks.check import in_words, missed


@dataclass(frozen=True, slots=True)
class BoardCell:
    """One round or candidate: a column of the board."""

    index: int
    candidate: int
    state: str
    """waiting, writing, stored, failed, or stopped before it was stored."""
    round_id: int | None = None
    response: str = ""
    thinking: bool = False
    html: str = ""
    """The stored response as Markdown draws it; empty where that is the response itself."""
    thought: str | None = None
    """None where this rater may not see it now, whether there is one or not."""
    n_thought_tokens: int = 0
    n_tokens: int = 0
    thought_s: float = 0.0
    duration_s: float = 0.0
    version: str = "base"
    """Empty where it is no version's, or the rater has not seen whose of several."""
    well_formed: bool = True
    truncated: bool = False
    thought_end: str | None = None
    """Who ended the thought: `model`, `turn` or `budget`."""
    asked_again: bool = False
    """The model ended its turn before any response, and had to go on once."""
    correct: bool | None = None
    missed: tuple[str, ...] = ()
    """Constraints that a wrong response breaks, in words."""
    flip: str | None = None
    """`fixed` or `broken` where correctness changed from the round before."""
    diff: list[Piece] = field(default_factory=list)
    error: str = ""


@dataclass(frozen=True, slots=True)
class BoardComparison:
    """A comparison of this run that the rater has open or has decided."""

    left: int
    right: int
    """Round ids, left and right as on the screen."""
    key: str
    outcome: str | None
    """With the screen's left and right; None while it is open."""
    blind: bool | None
    strength: int | None = None
    """2 where one is much better; None while it is open."""
    judge: str | None = None
    rationale: str | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """A run as one rater sees it."""

    run_id: int
    mode: str
    prompt: str
    reference_answer: str | None
    reference_in_words: str | None
    """The same as people read it: constraints are a JSON object otherwise."""
    judge: str | None
    """Name of the judge that a person may ask; None where the verifier lacks a reference answer."""
    task: str | None
    version: str
    state: str
    message: str | None
    settings: dict[str, Any]
    system: str | None
    context: list[dict[str, str]]
    """Earlier turns of the conversation that ends with the prompt."""
    cells: list[BoardCell]
    comparisons: list[BoardComparison]
    title: str = ""
    """What people call the run."""
    starred: bool = False
    is_kept: bool = False
    """Whether a person asked for it, so that it may be starred, named and deleted."""
    pin_id: int | None = None
    """The pin by which every version answers its prompt by itself; None where it is not pinned."""

    @property
    def running(self) -> bool:
        return self.state == RunState.RUNNING.value

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def read_board(context: AppContext, run_id: int, rater: str) -> Board:
    """Returns what `rater` may see of the run. Raises `NotFound`."""
    live = context.live.get(run_id)
    # Read before the rows: a run that ends in between has a last round that they lack.
    ended = live is None or live.ended.is_set()
    run, look = load_looked_at(context, live, run_id, rater)
    if live is None and run.state is RunState.RUNNING:
        live = written_elsewhere(context, run)
        ended = live is None
        # its last rows are stored before its app lets it go
        run, look = load_looked_at(context, None, run_id, rater)
    with context.database.read() as session:
        who = look.rater_id
        seen = offers.revealed(session, who, run_id) if who and run.rounds else frozenset()
        compared, on_offer = _compared(session, run, look)
    told = _told(run)
    opened = live.watchers.get(who, set()) if live and who else set()
    cells = _cells(run, live, frozenset(seen - on_offer), opened)
    if on_offer:
        cells = [replace(cell, correct=None, missed=(), flip=None, diff=[]) for cell in cells]
    if ended:
        cells = [_over(cell) for cell in cells]
    stopped = ended and run.state is RunState.RUNNING
    return Board(
        run_id=run.id,
        mode=(RunMode.REFINE if run.is_chain else RunMode.SAMPLE).value,
        prompt=run.prompt.text,
        reference_answer=run.prompt.reference_answer,
        reference_in_words=in_words(run.prompt.reference_answer or "") or None,
        judge=_judge_of(context, run),
        task=run.prompt.task,
        version=", ".join(told.get("versions", ())) or run.written_by,
        state=(RunState.STOPPED if stopped else run.state).value,
        message=in_public((live.failure if live else "") or run.message or "") or None,
        settings=told,
        system=run.prompt.system,
        context=run.prompt.context,
        cells=cells,
        comparisons=compared,
        title=run.title or "",
        starred=run.starred,
        is_kept=run.rater_id is not None,
        pin_id=look.pin_id,
    )


def _compared(
    session: Session, run: Run, look: Look
) -> tuple[list[BoardComparison], frozenset[int]]:
    """Returns the comparisons that a rater may see of a run, and the rounds on offer to them."""
    if not run.rounds or not look.is_compared:
        return [], frozenset()
    who = look.rater_id
    shown = offers.offers_of_run(session, who, run.id) if who else offers.OffersOfRun()
    compared = [_offered(offer, vote) for offer, vote in shown.own]
    compared += [
        _judged(vote)
        for vote in offers.judged_of_run(session, run.id)
        if not shown.on_offer & {vote.comparison.left_round_id, vote.comparison.right_round_id}
    ]
    return compared, shown.on_offer


def _judge_of(context: AppContext, run: Run) -> str | None:
    if isinstance(context.judge, Verifier) and not run.prompt.reference_answer:
        return None
    return context.judge.name


def _cells(
    run: Run, live: LiveRun | None, shown: frozenset[int], opened: set[tuple[int, int]]
) -> list[BoardCell]:
    stored = {(row.index, row.candidate): row for row in run.rounds}
    slots = {(slot.index, slot.candidate): slot for slot in live.slots} if live else {}
    cells: list[BoardCell] = []
    for position in sorted(stored.keys() | slots.keys()):
        if row := stored.get(position):
            before = stored.get((row.index - 1, row.candidate)) if run.is_chain else None
            cell = _stored(row, before, row.id in shown, run.prompt.reference_answer or "")
            cells.append(cell if row.id in shown or not hides_versions(run) else _unnamed(cell))
        else:
            cell = _in_progress(slots[position], position in opened, run.written_by)
            cells.append(_unnamed(cell) if hides_versions(run) else cell)
    return cells


def _stored(row: Round, before: Round | None, shown: bool, reference: str) -> BoardCell:
    return BoardCell(
        index=row.index,
        candidate=row.candidate,
        state="stored",
        round_id=row.id,
        response=row.response,
        html="" if is_plain(row.response) else render(row.response),
        thinking=bool(row.n_thought_tokens),
        thought=row.thought if shown else None,
        n_thought_tokens=row.n_thought_tokens,
        n_tokens=row.n_thought_tokens + row.n_response_tokens,
        thought_s=row.thought_s,
        duration_s=row.duration_s,
        version=row.written_by if row.author == POLICY else "",
        well_formed=row.well_formed,
        truncated=row.finish_reason == "length",
        thought_end=row.thought_end,
        asked_again=row.asked_again,
        correct=row.correct,
        missed=missed(row.response, reference) if row.correct is False else (),
        flip=_change(before.correct, row.correct) if before else None,
        diff=list(_diff(before.response, row.response)) if before else [],
    )


@lru_cache(maxsize=256)
def _diff(before: str, after: str) -> tuple[Piece, ...]:
    """Returns `word_diff`, kept: a board is read many times a second while a run is written."""
    return tuple(word_diff(before, after))


def _unnamed(cell: BoardCell) -> BoardCell:
    return replace(cell, version="")


def _over(cell: BoardCell) -> BoardCell:
    """Returns a cell of a run that has ended: what was not finished will not be."""
    return replace(cell, state="stopped") if cell.state in ("waiting", "writing") else cell


def _told(run: Run) -> dict[str, Any]:
    """Returns a run's settings, without what tells which candidate is whose."""
    if not hides_versions(run):
        return run.settings
    told = {name: value for name, value in run.settings.items() if name != ADAPTER_IDS}
    return told | {"versions": sorted(run.settings["versions"])}


def _in_progress(slot: Slot, opened: bool, version: str) -> BoardCell:
    split: Split = slot.split
    return BoardCell(
        index=slot.index,
        candidate=slot.candidate,
        state=slot.state if slot.state != "stored" else "writing",
        response=split.response,
        thinking=slot.thinking,
        thought=split.thought if opened else None,
        n_tokens=slot.n_tokens,
        duration_s=slot.elapsed_s,
        version=version,
        error=in_public(slot.error),
    )


def _change(before: bool | None, after: bool | None) -> str | None:
    if before is None or after is None or before == after:
        return None
    return "fixed" if after else "broken"


def _offered(offer: Offer, vote: Vote | None) -> BoardComparison:
    pair = offer.comparison
    sides = (pair.left_round_id, pair.right_round_id)
    left, right = reversed(sides) if offer.flipped else sides
    outcome = as_shown(vote.outcome, flipped=offer.flipped).value if vote else None
    blind, strength = (vote.blind, vote.strength) if vote else (None, None)
    return BoardComparison(left, right, offer.key, outcome, blind, strength)


def _judged(vote: Vote) -> BoardComparison:
    pair = vote.comparison
    return BoardComparison(
        pair.left_round_id,
        pair.right_round_id,
        vote.key,
        vote.outcome.value,
        vote.blind,
        vote.strength,
        judge=vote.rater.name,
        rationale=vote.rationale,
    )
