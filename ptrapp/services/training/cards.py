"""What each way to teach, practise or measure needs and has, and what came of it last."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from db.labelling import campaigns
from db.models import AdapterStatus, CampaignState, JobKind, JobStatus
from db.registry import adapters, job_list
from db.storage.session import Session
from ptrapp.core.counts import counted
from ptrapp.core.types import BASE
from ptrapp.services.context import AppContext
from ptrapp.services.fitting import knows_sums_only
from ptrapp.services.outlook import MIN_FOR_REWARD_MODEL, Outlook, count_all_votes
from ptrapp.services.training.form import METHODS, Method, method_of
from ptrapp.services.training.outcome import JobOutcome, gates_of, outcome


@dataclass(frozen=True, slots=True)
class Way:
    """The way to what is missing: a page, relative to the app's own address."""

    label: str
    href: str


@dataclass(frozen=True, slots=True)
class LastJob:
    """The last finished job of a method."""

    id: int
    at: datetime
    outcome: JobOutcome


@dataclass(frozen=True, slots=True)
class Needs:
    """What a method needs and has."""

    needs: str
    has: str
    share: float | None
    """How much of it is there, 0 to 1; None where it is not counted."""
    missing: str
    """What is missing before it can begin; empty when it can."""
    way: Way | None
    n_examples: int | None
    """Examples that it would learn from; None where that is not known before."""


@dataclass(frozen=True, slots=True)
class Card:
    """One method as its card shows it."""

    method: Method
    needs: Needs
    last: LastJob | None
    waits_for: int | None
    """The job that would go before it; None when it would begin at once."""
    button: str
    """What its button says."""


def read_cards(context: AppContext, now: Outlook, keys: Sequence[str]) -> list[Card]:
    """Returns the cards of these methods, by what the next job would find."""
    n_votes = count_all_votes(context)
    with context.database.read() as session:
        ahead = job_list.page(session, statuses=[JobStatus.RUNNING, JobStatus.QUEUED], limit=1)
        waits_for = ahead[0].id if ahead else None
        found = []
        for key in keys:
            method = METHODS[key]
            needs = _needs(context, session, method, now, n_votes)
            button = _button(method, needs)
            found.append(Card(method, needs, _last(session, method), waits_for, button))
        return found


def read_choices(context: AppContext) -> tuple[list[str], list[tuple[str, int]]]:
    """Returns the versions that may be started from or measured, and the open campaigns."""
    with context.database.read() as session:
        rows = adapters.listing(session)
        names = [row.name for row in rows if row.status is not AdapterStatus.REJECTED]
        going = [row for row in campaigns.listing(session) if row.state is CampaignState.OPEN]
        return ["base", *names], [(f"{row.id} {row.name}", row.id) for row in going]


def _needs(
    context: AppContext, session: Session, method: Method, now: Outlook, n_votes: int
) -> Needs:
    match method.key:
        case "dpo":
            return _votes(context, now)
        case "reward_model":
            return _all_votes(n_votes)
        case "preferred":
            return Needs(
                "answers that people preferred",
                counted(n_votes, "vote"),
                None,
                "" if n_votes else "No vote says which answer is better.",
                None if n_votes else Way("Compare answers", "./"),
                n_votes,
            )
        case "mask_sft":
            n = now.n_refined
            return Needs(
                "later rounds that are right or a stronger model's",
                counted(n, "refinement"),
                None,
                "" if n else "No refinement is stored that is right.",
                None if n else Way("Make PTR data", "train?method=ptr_data"),
                n,
            )
        case "evaluate":
            return Needs("problems with answers", _generated(context), None, "", None, None)
        case "judge":
            return _campaigns(session, context)
        case _:
            has = f"{context.judge.name}, {_generated(context)}"
            return Needs("a judge and prompts", has, None, "", None, None)


def _generated(context: AppContext) -> str:
    """Returns what is asked where nothing else is chosen."""
    return "word problems" if knows_sums_only(context) else "instructions with constraints"


def _votes(context: AppContext, now: Outlook) -> Needs:
    enough = max(context.settings.train_every or context.settings.gate_min_examples, 1)
    has = counted(now.n_votes, "vote")
    if now.n_pairs != now.n_votes:
        has += f" that settle {counted(now.n_pairs, 'pair')}"
    if now.n_ties or now.n_both_bad:
        has += f", besides {counted(now.n_ties, 'tie')} and {now.n_both_bad:,} both bad"
    if now.share_chosen_longer is not None:
        has += f"; chosen is longer in {now.share_chosen_longer:.0%}"
    more = enough - now.n_pairs
    missing = ""
    if not now.n_votes and not now.n_ties:
        since = "yet" if now.parent == BASE.label else f"since {now.parent} was trained"
        missing = f"Nobody has preferred an answer {since}."
    return Needs(
        f"{enough} pairs that {now.parent} has not learnt",
        has,
        min(now.n_pairs / enough, 1.0),
        missing,
        Way(f"Compare {more} more" if now.n_votes else "Compare answers", "./")
        if more > 0
        else None,
        now.n_pairs,
    )


def _all_votes(n: int) -> Needs:
    missing = MIN_FOR_REWARD_MODEL - n
    return Needs(
        f"{MIN_FOR_REWARD_MODEL} votes",
        counted(n, "vote"),
        min(n / MIN_FOR_REWARD_MODEL, 1.0),
        f"{counted(missing, 'vote')} missing." if missing > 0 else "",
        Way(f"Compare {missing} more", "./") if missing > 0 else None,
        n,
    )


def _campaigns(session: Session, context: AppContext) -> Needs:
    going = [row for row in campaigns.listing(session) if row.state is CampaignState.OPEN]
    names = ", ".join(f"{row.id} {row.name}" for row in going[:3])
    more = f" and {len(going) - 3} more" if len(going) > 3 else ""
    return Needs(
        "a campaign and a judge",
        f"{names}{more}; {context.judge.name}" if going else context.judge.name,
        None,
        "" if going else "No campaign is open.",
        None if going else Way("New campaign", "campaigns"),
        None,
    )


def _button(method: Method, needs: Needs) -> str:
    match method.key:
        case "dpo" | "preferred":
            return f"Train on {counted(needs.n_examples or 0, 'pair')}"
        case "mask_sft":
            return f"Train on {counted(needs.n_examples or 0, 'refinement')}"
        case "reward_model":
            return f"Train a judge on {counted(needs.n_examples or 0, 'vote')}"
        case "tpo":
            return "Practise"
        case "ptr_data":
            return "Make the data"
        case "evaluate":
            return "Measure"
        case _:
            return "Let it judge"


def _last(session: Session, method: Method) -> LastJob | None:
    """Returns the last finished job of a method; a gate's evaluation is one as well."""
    rows = job_list.page(session, kinds=[method.kind], statuses=[JobStatus.DONE], limit=10)
    if method.kind is JobKind.PTR_DATA:
        rows = [row for row in rows if method_of(row.kind, row.payload["settings"]) is method]
    if not rows:
        return None
    row = rows[0]
    made = adapters.made_by(session, [row.id])
    said = outcome(row, made.get(row.id), gates_of(session, made).get(row.id))
    return LastJob(row.id, row.finished_at or row.created_at, said)
