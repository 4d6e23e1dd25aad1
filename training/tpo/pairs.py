"""Turns scored candidates into pairs of whole completions, chosen and rejected by their responses.

A malformed completion has no score of its own. It ranks below every scored one of its prompt, by
their range, so that it may be rejected and is never chosen.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from db.models import Round, Run
from ptrapp.core.dialogue import build_messages, stored_messages
from ptrapp.core.errors import NothingToLearn
from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.core.types import FinishReason
from ptrapp.preferences.learnable import (
    Completions,
    why_not_chosen,
    why_not_compared,
    why_not_learnt,
)
from ptrapp.preferences.pairing import Pairing, Scored, pair_up
from ptrapp.recipes.tpo import TpoConfig
from training.data.examples import PairExample, Target

EQUAL = "all candidates are scored alike"
MALFORMED = "no candidate is well-formed"
UNSCORED = "no candidate is scored"
LEFT_OUT = "only malformed candidates are worse, of which there are enough"


class Paired(NamedTuple):
    """The pairs of an iteration."""

    examples: tuple[PairExample, ...]
    pairing: Pairing
    dropped: Counter[str]
    """Prompts without a pair, by reason."""


def pair(
    config: TpoConfig, runs: Sequence[Run], values: Mapping[int, float], fmt: ThoughtFormat
) -> Paired:
    """Makes at most one pair of each prompt; the same rows always give the same pairs.

    `values` are scores by round id. Raises `NothingToLearn` when there is no pair.
    """
    dropped: Counter[str] = Counter()
    asked: list[tuple[Run, list[Round]]] = []
    groups: list[list[Scored]] = []
    for run in runs:
        taken = [
            each
            for each in run.rounds
            if (each.id in values or not each.well_formed) and why_not_compared(each) is None
        ]
        scored = [values[each.id] for each in taken if each.id in values]
        if not scored:
            dropped[UNSCORED if any(r.well_formed for r in run.rounds) else MALFORMED] += 1
            continue
        floor = min(scored) - ((max(scored) - min(scored)) or 1.0)
        asked.append((run, taken))
        groups.append(
            [
                Scored(values.get(r.id, floor), len(r.response), why_not_chosen(r) is None)
                for r in taken
            ]
        )
    pairing = pair_up(
        groups, rho=config.rho, seed=config.seed, most_malformed=config.most_malformed
    )
    examples = []
    for (run, taken), group, found in zip(asked, groups, pairing.pairs, strict=True):
        if found is None:
            dropped[EQUAL if all(each.well_formed for each in group) else LEFT_OUT] += 1
            continue
        chosen, rejected = taken[found.chosen], taken[found.rejected]
        if reason := why_not_learnt(chosen, rejected, Completions.FULL):
            dropped[reason] += 1
        else:
            examples.append(_example(fmt, run, chosen, rejected))
    if not examples:
        raise NothingToLearn(_why_no_pairs(runs, dropped))
    return Paired(tuple(examples), pairing, dropped)


def _example(fmt: ThoughtFormat, run: Run, chosen: Round, rejected: Round) -> PairExample:
    """Makes a pair of whole completions: the judge saw responses only (TPO section 2.1)."""
    prompt = run.prompt
    return PairExample(
        messages=build_messages(
            prompt.text,
            (),
            fmt,
            chosen.thinking,
            system=prompt.system,
            context=stored_messages(prompt.context),
        ),
        thinking=chosen.thinking,
        chosen=_target(chosen),
        rejected=_target(rejected),
        vote_ids=(),
        n_context=len(prompt.context),
    )


def _target(round_: Round) -> Target:
    ids = tuple(round_.completion_ids) if round_.completion_ids else None
    return Target(round_.raw, ids, round_.finish_reason != FinishReason.LENGTH)


def _why_no_pairs(runs: Sequence[Run], dropped: Counter[str]) -> str:
    reasons = ", ".join(f"{n} × {reason}" for reason, n in dropped.most_common())
    n_malformed = sum(not each.well_formed for run in runs for each in run.rounds)
    n_all = sum(len(run.rounds) for run in runs)
    return (
        f"None of the {len(runs)} prompts gave a pair: {reasons}. {n_malformed} of the {n_all} "
        "completions are malformed. Take harder or other prompts, a higher temperature, more "
        "candidates (k), or a judge that tells them apart."
    )
