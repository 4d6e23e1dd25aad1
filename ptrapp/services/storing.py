"""Makes the row of a completion, checked where there is a reference answer."""

from dataclasses import asdict

from db.content.rounds import NewRound
from ptrapp.core.types import Completion, Sampling
from ptrapp.tasks.check import is_correct


def as_row(
    completion: Completion,
    *,
    index: int,
    candidate: int = 0,
    parent_id: int | None = None,
    thinking: bool,
    sampling: Sampling,
    seed: int,
    reference_answer: str | None,
) -> NewRound:
    """Returns the row of a completion by the policy."""
    response = completion.split.response
    return NewRound(
        index=index,
        candidate=candidate,
        parent_id=parent_id,
        thinking=thinking,
        thought=completion.split.thought,
        response=response,
        raw=completion.raw,
        completion_ids=completion.token_ids or None,
        well_formed=completion.split.well_formed,
        sampling=asdict(sampling),
        seed=seed,
        n_thought_tokens=completion.n_thought_tokens,
        n_response_tokens=completion.n_response_tokens,
        finish_reason=completion.finish_reason.value,
        logprob_sum=completion.logprob_sum,
        thought_s=completion.thought_s,
        duration_s=completion.duration_s,
        correct=is_correct(response, reference_answer) if reference_answer else None,
        thought_end=completion.thought_end.value if completion.thought_end else None,
        asked_again=completion.asked_again,
    )
