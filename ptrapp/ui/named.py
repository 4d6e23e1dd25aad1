"""What the pages do, under names that `gradio_client` and MCP call; roles are checked in each."""

from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from inspect import signature
from typing import Annotated, Any, Literal

import gradio as gr
from pydantic import Field, TypeAdapter, ValidationError, validate_call

from db.storage.errors import DatabaseError
from ptrapp.core.errors import ThriceError
from ptrapp.core.people import ADMINS, LABELS, READS
from ptrapp.services import jobs, sources
from ptrapp.services.context import AppContext
from ptrapp.services.labelling import answering, campaigns
from ptrapp.services.labelling.candidates import MOST_PAIRS, Source, SourceKind
from ptrapp.ui.auth import allowed, person

_NO_NUL = r"^[^\x00]*$"
Id = Annotated[int, Field(ge=1, le=2**31 - 1)]
Key = Annotated[str, Field(max_length=64, pattern=_NO_NUL)]
Words = Annotated[str, Field(max_length=answering.LONGEST_NOTE, pattern=_NO_NUL)]
Name = Annotated[str, Field(max_length=120, pattern=_NO_NUL)]
Guidelines = Annotated[str, Field(max_length=campaigns.LONGEST_GUIDELINES, pattern=_NO_NUL)]
Outcome = Literal["left", "right", "tie", "both_bad"]
SourceName = Literal["siblings", "adjacent", "best_worst", "versions", "random", "imported", "none"]
Kind = Literal["dpo", "mask_sft", "tpo", "reward_model", "ptr_data", "evaluate"]
Answer = dict[str, Any]
_JOBS = TypeAdapter(list[jobs.JobView])


def build(context: AppContext) -> None:
    """Name them all, inside the blocks of the interface."""
    for add in (_labelling, _after_a_vote, _campaigns, _jobs):
        for function in add(context):
            gr.api(_checked(function), api_name=function.__name__, queue=False)


def _labelling(context: AppContext) -> list[Callable[..., Any]]:
    def label_next(
        campaign_id: Id, request: gr.Request, n: int = 1, have: list[str] | None = None,
        tab: Key = "",
    ) -> Answer:  # fmt: skip
        """Give who asks the next comparisons of a campaign: two texts each, and a key to answer by.

        Parameters:
            campaign_id: one of those that `campaigns` lists
            n: how many, 1 to 10
            have: keys of comparisons held already
            tab: a random name of the page or program; two of one person are given different ones
        """
        asking = allowed(request, LABELS)
        held = (have or [])[:50]
        return asdict(
            answering.next_pairs(context, asking, campaign_id, n=max(1, n), have=held, tab=tab)
        )

    def label_vote(
        key: Key, outcome: Outcome, request: gr.Request, strength: int = 1,
        decided_ms: Annotated[int, Field(ge=0, le=86_400_000)] | None = None,
    ) -> Answer:  # fmt: skip
        """Answer a comparison. Sent twice, it is stored once.

        Parameters:
            key: of the comparison, as `label_next` gave it
            outcome: which side is better, as they were given
            strength: 1 better, 2 clearly better, 3 much better
            decided_ms: how long it took
        """
        asking = allowed(request, LABELS)
        stored = answering.vote(
            context, asking, key, outcome, strength=strength, decided_ms=decided_ms, client="named"
        )
        lesson = asdict(stored.practice) if stored.practice else None
        return {"stored": True, **stored._asdict(), "practice": lesson}

    def label_undo(campaign_id: Id, key: Key, request: gr.Request, tab: Key = "") -> Answer:
        """Take one's last vote in a campaign back; its comparison comes again under a new key.

        Parameters:
            campaign_id: where the vote was cast
            key: a fresh random name of this undo; sent twice, it undoes one vote
            tab: the page or program that goes on with the comparison
        """
        pair = answering.undo(context, allowed(request, LABELS), campaign_id, key, tab=tab)
        return {"pair": asdict(pair) if pair else None}

    def label_skip(key: Key, request: gr.Request) -> Answer:
        """Put a comparison aside; it is never given to this rater again."""
        answering.skip(context, allowed(request, LABELS), key)
        return {"skipped": True}

    def label_flag(key: Key, request: gr.Request, flagged: bool = True, note: Words = "") -> Answer:
        """Mark a comparison for whoever runs the campaign, or take the mark away."""
        answering.flag(context, allowed(request, LABELS), key, flagged, note)
        return {"flagged": flagged}

    return [label_next, label_vote, label_undo, label_skip, label_flag]


def _after_a_vote(context: AppContext) -> list[Callable[..., Any]]:
    def label_reason(key: Key, text: Words, request: gr.Request) -> Answer:
        """Say why one voted so, after the vote."""
        answering.give_reason(context, allowed(request, LABELS), key, text)
        return {"stored": True}

    def label_reveal(key: Key, request: gr.Request) -> Answer:
        """Thoughts and versions of a comparison, after the vote, where its campaign allows it."""
        left, right = answering.reveal(context, allowed(request, LABELS), key)
        return {"left": asdict(left), "right": asdict(right)}

    def label_diff(key: Key, request: gr.Request) -> list[list[str]]:
        """What the right side says otherwise than the left: pieces, each same, added or removed."""
        pieces = answering.changes(context, allowed(request, LABELS), key)
        return [[piece.text, piece.kind.value] for piece in pieces]

    return [label_reason, label_reveal, label_diff]


def _campaigns(context: AppContext) -> list[Callable[..., Any]]:
    def list_campaigns(request: gr.Request) -> list[Answer]:
        """List the campaigns, newest first, with how far who asks has come in each."""
        return [row.as_json() for row in campaigns.listing(context, person(request))]

    def campaign_create(
        name: Name, request: gr.Request, source: SourceName = "siblings",
        judge: Name = "", versions: tuple[str, str] = ("", ""), import_name: Name = "",
        aspect: Literal["response", "thought"] = "response", guidelines: Guidelines = "",
        overlap: int = 1, max_pairs: Annotated[int, Field(ge=1, le=MOST_PAIRS)] = 1000,
        reveal: bool = False,
    ) -> int:  # fmt: skip
        """Make a campaign from stored rounds and open it; its id. For admins.

        Parameters:
            name: a new one
            source: which stored rounds are compared
            judge: whose scores choose best and worst, for best_worst
            versions: the two that are compared, for versions
            import_name: where the pairs came from, for imported
            aspect: what of them is compared
            guidelines: what raters go by, in Markdown
            overlap: how many people label each comparison
            max_pairs: of more, a random draw
            reveal: whether raters may see thoughts and versions after the vote
        """
        allowed(request, ADMINS)
        chosen = Source(SourceKind(source), judge, versions, import_name, max_pairs)
        plan = campaigns.CampaignPlan(
            name, aspect, chosen, guidelines=guidelines, overlap=overlap, reveal=reveal
        )
        return campaigns.create(context, plan)

    list_campaigns.__name__ = "campaigns"
    return [list_campaigns, campaign_create]


def _jobs(context: AppContext) -> list[Callable[..., Any]]:
    def list_jobs(request: gr.Request) -> list[Answer]:
        """List the newest jobs: trainings, evaluations, judges, each with progress and result."""
        allowed(request, READS)
        rows: list[Answer] = _JOBS.dump_python(jobs.listing(context), mode="json")
        return rows

    def job_start(
        kind: Kind, request: gr.Request, settings: Answer | None = None, parent: Key = ""
    ) -> int:
        """Queue a job; its id. For admins.

        Parameters:
            kind: what it does
            settings: what shall differ from the recipe's defaults
            parent: the version to begin at; empty is the one that answers now
        """
        allowed(request, ADMINS)
        sources.check(settings or {})
        return jobs.start(context, jobs.JobKind(kind), settings or {}, parent=parent)

    def job_cancel(job_id: Id, request: gr.Request) -> Answer:
        """Stop a job; it can be resumed from its last checkpoint. For admins."""
        allowed(request, ADMINS)
        jobs.cancel(context, job_id)
        return {"state": "cancelling"}

    list_jobs.__name__ = "jobs"
    return [list_jobs, job_start, job_cancel]


def _checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function behind a check of what a caller sent; what goes wrong is one sentence."""
    validated = validate_call(config={"arbitrary_types_allowed": True})(function)

    names = signature(function)

    @wraps(function)
    def named(*values: Any) -> Any:
        try:
            return validated(**names.bind(*values).arguments)  # a mistake names its parameter
        except ValidationError as error:
            raise gr.Error(_in_words(error), print_exception=False) from error
        except (ThriceError, DatabaseError) as error:
            raise gr.Error(str(error), print_exception=False) from error

    return named


def _in_words(error: ValidationError) -> str:
    mistakes = [f"{mistake['loc'][0]}: {mistake['msg']}" for mistake in error.errors()]
    return f"The call cannot be used: {'; '.join(mistakes)}."
