"""What may be learnt is one rule: every training and every export takes the same comparisons.

Every kind of round meets every other under every outcome, each pair on a prompt of its own, and
whoever learns from comparisons is asked what it takes.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from fresh_database import fresh_database
from stored_votes import context, written

from db.content import prompts, rounds, samples
from db.content.trajectories import is_imitable, is_refined
from db.labelling import comparisons, preferences, raters
from db.labelling.weighed_votes import SAYS, read_weighed
from db.models import (
    Comparison,
    JobKind,
    Outcome,
    Partition,
    Prompt,
    RaterKind,
    Round,
    Run,
    RunMode,
    Vote,
)
from db.registry import jobs
from db.storage.session import Database, Session
from ptrapp.core.thoughts import TINY, split
from ptrapp.core.types import FinishReason
from ptrapp.preferences.counting import Counting
from ptrapp.preferences.learnable import (
    Completions,
    learnable_pair,
    why_not_imitated,
    why_not_learnt,
    why_not_refined,
)
from ptrapp.recipes.tpo import TpoConfig
from ptrapp.services.files import exporting
from ptrapp.services.files.exporting import ExportRequest, What
from ptrapp.services.kept_counts import KeptRefined
from ptrapp.services.kept_rows import KeptRows
from training.data.pairs import gather_pairs
from training.data.trajectories import gather_trajectories
from training.jobs.payload import Filters
from training.ptr.preferred import preferred_candidates
from training.rewarding.labels import gather_labels
from training.tpo.pairs import pair

STOP, LENGTH, CANCELLED = FinishReason
FULL, RESPONSE = Completions
LEFT, RIGHT, TIE, BAD = Outcome.LEFT, Outcome.RIGHT, Outcome.TIE, Outcome.BOTH_BAD

TEXTS = {
    "thought and response": ("<T> 2 + 2.<R> Four.", True),
    "another thought, the same response": ("<T> By heart.<R> Four.", True),
    "thought and another response": ("<T> Hm.<R> Five.", True),
    "direct response": ("<R> Six.", False),
    "malformed with a response": ("<T> 2.<R> It <R> is four.", True),
    "response without its thought": ("<R> Seven.", True),
    "thought without a response": ("<T> 2 and then", True),
    "nothing at all": ("<R>", False),
}
FINISHES = [(STOP, STOP), (LENGTH, STOP), (STOP, LENGTH), (CANCELLED, STOP), (STOP, CANCELLED)]
WELL_FORMED = {"thought and response", "another thought, the same response",
               "thought and another response", "direct response"}  # fmt: skip


class Case(NamedTuple):
    """One comparison; its text is its prompt."""

    left: str
    right: str
    finishes: tuple[FinishReason, FinishReason]
    outcome: Outcome
    partition: Partition = Partition.TRAIN

    @property
    def prompt(self) -> str:
        return f"{self.left}|{self.right}|{'|'.join(self.finishes)}|{self.outcome}|{self.partition}"


CASES = [
    Case(*sides, finishes, outcome)
    for sides, finishes, outcome in product(product(TEXTS, TEXTS), FINISHES, Outcome)
]
CASES += [
    Case(*sides, (STOP, STOP), LEFT, Partition.EVAL) for sides in product(list(TEXTS)[:4], repeat=2)
]
Taken = Mapping[str, str]
"""The side that is chosen, by prompt."""


def new_round(session: Session, run: Run, text: str, finish: FinishReason, **more: Any) -> Round:
    raw, thinking = TEXTS[text]
    parts = split(raw, TINY, thinking)
    columns = {"thought": parts.thought, "well_formed": parts.well_formed, "raw": raw}
    columns |= {"thinking": thinking, "finish_reason": finish.value, "completion_ids": None}
    new = written(more.pop("index", 0), more.pop("parent_id", None), parts.response)
    values = {name: getattr(new, name) for name in new.__dataclass_fields__} | columns | more
    row = Round(run_id=run.id, prompt_id=run.prompt_id, **values)
    session.add(row)
    return row


class World:
    """All cases in one database: a job's own samples, and a person's vote on each pair."""

    def __init__(self, folder: Path) -> None:
        self.database = fresh_database(folder)
        self.folder = folder
        self.by_prompt = {case.prompt: case for case in CASES}
        with self.database.write() as session:
            self.job_id = jobs.enqueue(session, JobKind.TPO, {}, dedup="tpo").id
            ann = raters.ensure_rater(session, RaterKind.HUMAN, "ann").id
            for number, case in enumerate(CASES):
                self._store(session, number, case, ann)

    def _store(self, session: Session, number: int, case: Case, rater_id: int) -> None:
        """Adds the rows of one case, under ids of its own: all cases are written at once."""
        asked = Prompt(
            id=number + 1,
            text=case.prompt,
            source="test",
            partition=case.partition,
            sha256=f"{number:064}",
        )
        run = Run(
            id=number + 1, prompt_id=asked.id, mode=RunMode.JOB, settings={}, job_id=self.job_id
        )
        session.add_all((asked, run))
        for at, text in enumerate((case.left, case.right)):
            new_round(session, run, text, case.finishes[at], id=2 * number + 1 + at, candidate=at)
        first = LEFT if case.outcome is Outcome.WITHDRAWN else case.outcome
        about = {"comparison_id": number + 1, "rater_id": rater_id, "blind": True}
        session.add_all(
            (
                Comparison(
                    id=number + 1,
                    prompt_id=asked.id,
                    left_round_id=2 * number + 1,
                    right_round_id=2 * number + 2,
                ),
                Vote(id=2 * number + 1, key=f"v{number}", outcome=first, **about),
            )
        )
        if case.outcome is Outcome.WITHDRAWN:
            undo = {"outcome": Outcome.WITHDRAWN, "supersedes_id": 2 * number + 1}
            session.add(Vote(id=2 * number + 2, key=f"u{number}", **undo, **about))

    def dpo(self) -> Taken:
        with self.database.read() as session:
            found = gather_pairs(session, TINY, Filters()).examples
        return {
            (prompt := each.messages[-1].content): self.side_of(prompt, each.chosen.raw)
            for each in found
        }

    def reward_model(self) -> Taken:
        with self.database.read() as session:
            found = gather_labels(session, Filters(), Counting()).examples
        return {each.question: self.side_of(each.question, each.chosen) for each in found}

    def tpo(self) -> Taken:
        """What an iteration makes of the same candidates, the vote's winner scored higher.

        A judge scores well-formed candidates only, so cases whose winner is malformed are left out.
        """
        decided = {
            case.prompt: case
            for case in CASES
            if case.outcome in (LEFT, RIGHT)
            and (case.left if case.outcome is LEFT else case.right) in WELL_FORMED
            and case.partition is Partition.TRAIN
        }
        with self.database.read() as session:
            runs = samples.runs_of_job(session, self.job_id)
        runs = [run for run in runs if run.prompt.text in decided]
        values = {
            side.id: 2.0 if outcome is decided[run.prompt.text].outcome else 1.0
            for run in runs
            for outcome, side in zip((LEFT, RIGHT), run.rounds, strict=True)
            if side.well_formed
        }
        found = pair(TpoConfig(rho=0.0, most_malformed=0.9), runs, values, TINY).examples
        return {
            (prompt := each.messages[-1].content): self.side_of(prompt, each.chosen.raw)
            for each in found
        }

    def preferences(self, what: Completions) -> Taken:
        return {
            (prompt := row["prompt"][-1]["content"]): self.side_of(
                prompt, row["chosen"][0]["content"]
            )
            for row in self.rows(What.PREFERENCES, what)
        }

    def unpaired(self, what: Completions) -> dict[str, set[tuple[str, bool]]]:
        """Texts with their labels, by prompt."""
        found: dict[str, set[tuple[str, bool]]] = {}
        for row in self.rows(What.UNPAIRED, what):
            labelled = (row["completion"][0]["content"], row["label"])
            found.setdefault(row["prompt"][-1]["content"], set()).add(labelled)
        return found

    def rows(self, what: What, completions: Completions) -> list[dict[str, Any]]:
        file = self.folder / "rows.jsonl"
        ask = ExportRequest(what, completions=completions)
        exporting.write(context(self.database, self.folder), ask, file)
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]

    def dropped(self) -> dict[str, int]:
        """Of the newest export."""
        return exporting.snapshots(context(self.database, self.folder))[0]["dropped"]

    def side_of(self, prompt: str, text: str) -> str:
        """Which side wrote this text: whole, or its response."""
        case = self.by_prompt[prompt]
        sides = {"left": case.left, "right": case.right}
        (side,) = (
            name for name, kind in sides.items() if text in (TEXTS[kind][0], response_of(kind))
        )
        return side


def response_of(text: str) -> str:
    raw, thinking = TEXTS[text]
    return split(raw, TINY, thinking).response


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("learnable"))
    yield made
    made.database.dispose()


def learnt(what: Completions) -> Taken:
    """The rule written a second time, over the kinds of text of this file."""
    found = {}
    for case in CASES:
        if case.outcome not in (LEFT, RIGHT) or case.partition is Partition.EVAL:
            continue
        sides = (case.left, case.right) if case.outcome is LEFT else (case.right, case.left)
        if CANCELLED in case.finishes or sides[0] not in WELL_FORMED:
            continue
        if response_of(sides[0]) == response_of(sides[1]):
            continue
        if what is RESPONSE and sides[1] not in WELL_FORMED:
            continue
        found[case.prompt] = case.outcome.value
    return found


def test_dpo_tpo_and_the_export_of_whole_completions_take_the_same_pairs(world: World) -> None:
    expected = learnt(FULL)
    n_sides = 4 * 7 - 2
    assert len(expected) == n_sides * 2 * 3, (
        "4 that may be chosen, 7 others, two of which answer alike; 2 sides, 3 finishes"
    )

    assert world.dpo() == expected
    assert world.preferences(FULL) == expected
    assert world.tpo() == expected


def test_as_many_votes_are_counted_as_say_which_of_two_different_responses_is_better(
    world: World,
) -> None:
    decided = [case for case in CASES if case.outcome in (LEFT, RIGHT)]
    differ = [case for case in decided if response_of(case.left) != response_of(case.right)]
    assert 0 < len(differ) < len(decided)
    with world.database.read() as session:
        assert preferences.count_preferences(session) == len(differ)
        kept = KeptRows(read_weighed, 4).current(session)
    says = [SAYS[side] for side in (LEFT, RIGHT)]
    assert np.isin(kept[:, 2], says).sum() == len(differ)


def test_the_reward_model_and_the_export_of_responses_take_the_same_pairs(world: World) -> None:
    expected = learnt(RESPONSE)
    assert len(expected) == (4 * 3 - 2) * 2 * 3, "4 well-formed ones, two of which answer alike"

    assert world.reward_model() == expected
    assert world.preferences(RESPONSE) == expected


@pytest.mark.parametrize("what", Completions)
def test_unpaired_rows_are_the_sides_of_the_same_pairs_and_what_was_called_bad(
    world: World, what: Completions
) -> None:
    pairs = learnt(what)
    found = world.unpaired(what)
    bad = {case.prompt for case in CASES if case.outcome is BAD}

    assert {prompt for prompt in found if prompt not in bad} == set(pairs)
    for prompt, chosen in pairs.items():
        good = [text for text, label in found[prompt] if label]
        assert [world.side_of(prompt, text) for text in good] == [chosen]
        assert len(found[prompt]) == 2
    for prompt in bad:
        case = world.by_prompt[prompt]
        kinds = {case.left, case.right} if CANCELLED not in case.finishes else set()
        if what is RESPONSE:
            kinds &= WELL_FORMED
        texts = {response_of(kind) if what is RESPONSE else TEXTS[kind][0] for kind in kinds}
        assert found.get(prompt, set()) == {(text, False) for text in texts}


def test_all_of_them_count_what_is_left_out_by_the_same_words(world: World) -> None:
    with world.database.read() as session:
        dpo = gather_pairs(session, TINY, Filters()).dropped
        reward = gather_labels(session, Filters(), Counting()).dropped
    world.rows(What.PREFERENCES, FULL)
    assert world.dropped() == dpo
    world.rows(What.PREFERENCES, RESPONSE)
    assert world.dropped() == reward
    n_pairs = len(TEXTS) ** 2
    assert dpo["stopped while it was written"] == n_pairs * 2 * 4, (
        "2 finishes, 4 outcomes that stand"
    )
    assert dpo["tie"] == dpo["both bad"] == n_pairs * 3
    assert dpo["prompt is held out for evaluation"] == 16
    assert set(dpo) | set(reward) == {
        "both bad",
        "empty response",
        "malformed completion",
        "prompt is held out for evaluation",
        "stopped while it was written",
        "the two responses are identical",
        "tie",
    }


def test_the_preferred_answers_of_people_are_whole_and_finished(world: World) -> None:
    expected = set()
    for case in CASES:
        if case.outcome in (LEFT, RIGHT) and case.partition is Partition.TRAIN:
            at = 0 if case.outcome is LEFT else 1
            won = (case.left, case.right)[at]
            fits = won in WELL_FORMED and case.finishes[at] is STOP
            same = response_of(case.left) == response_of(case.right)
            if fits and not same and CANCELLED not in case.finishes:
                expected.add(case.prompt)
    with world.database.read() as session:
        preferred = preferred_candidates(session)

    assert {round_.prompt.text for round_ in preferred.rounds} == expected
    assert set(preferred.dropped) == {
        "cut by the token limit",
        "empty response",
        "malformed completion",
        "no candidate was preferred",
        "prompt is held out for evaluation",
        "stopped while it was written",
        "the two responses are identical",
    }


@pytest.mark.parametrize(
    ("given", "counting"),
    [([TIE], Counting(ties=True)), ([LEFT, RIGHT], Counting(soft=True))],
)
def test_where_votes_are_even_nobody_is_rejected_so_neither_side_may_be_malformed(
    database: Database, given: list[Outcome], counting: Counting
) -> None:
    votes = [Vote(id=n, outcome=outcome, strength=1) for n, outcome in enumerate(given)]
    kinds = ("thought and response", "malformed with a response", "direct response")
    with database.write() as session:
        run = new_run(session, "Q?")
        sides = [
            new_round(session, run, kind, STOP, candidate=number)
            for number, kind in enumerate(kinds)
        ]
        session.flush()
        pairs = {
            numbers: comparisons.ensure_comparison(
                session, *(sides[number].id for number in numbers)
            )
            for numbers in ((0, 1), (1, 2), (0, 2))
        }
        taken = {
            numbers
            for numbers, compared in pairs.items()
            if learnable_pair(compared, votes, counting, FULL, Counter())
        }
        decided = [Vote(id=1, outcome=LEFT, strength=1)]
        assert learnable_pair(pairs[0, 1], decided, counting, FULL, Counter())

    assert taken == {(0, 2)}


def new_run(session: Session, text: str, **settings: Any) -> Run:
    partition = settings.pop("partition", Partition.TRAIN)
    asked = prompts.ensure_prompt(session, text, source="test", partition=partition)
    return rounds.start_run(session, asked.id, RunMode.JOB, settings)


@pytest.fixture
def chains(database: Database) -> Database:
    """Chains whose last round is of every origin, and of every text and finish."""
    origins = product(("policy", "weak:x", "strong:y"), (True, False, None), (1, 2), (0, 2))
    texts = product(TEXTS, FinishReason)
    with database.write() as session:
        for author, correct, index, n_attempts in origins:
            for partition in Partition:
                about = {"author": author, "correct": correct}
                asked = f"{author} {correct} {index} {n_attempts} {partition}"
                run = new_run(session, asked, n_attempts=n_attempts, partition=partition)
                new_chain(session, run, index, "thought and response", STOP, **about)
        for text, finish in texts:
            run = new_run(session, f"{text} {finish}")
            new_chain(session, run, 1, text, finish, author="strong:y")
    return database


def new_chain(
    session: Session, run: Run, index: int, text: str, finish: FinishReason, **about: Any
) -> None:
    parent_id = None
    for at in range(index):
        attempt = new_round(
            session, run, text, STOP, index=at, parent_id=parent_id, author="weak:x"
        )
        session.flush()
        parent_id = attempt.id
    new_round(session, run, text, finish, index=index, parent_id=parent_id, **about)
    session.flush()


def test_the_database_finds_rounds_worth_imitating_by_the_same_rule(
    chains: Database,
) -> None:
    with chains.read() as session:
        everything = session.query(Round).all()
        asked = session.query(Round.id).join(Round.prompt).join(Run, Run.id == Round.run_id)
        refined = {round_id for (round_id,) in asked.where(is_refined())}
        imitable = {round_id for (round_id,) in asked.where(is_imitable())}
        expected = {
            each.id: (
                each.index > 0
                and each.prompt.partition is Partition.TRAIN
                and why_not_refined(each) is None,
                why_not_imitated(each) is None,
            )
            for each in everything
        }
        n_counted = KeptRefined().current(session)

    assert refined == {round_id for round_id, (found, _) in expected.items() if found}
    assert imitable == {round_id for round_id, (_, found) in expected.items() if found}
    assert n_counted == len(refined & imitable)
    # By a stronger model 3 × 3 (the first of two attempts is none), by the policy found right 3.
    n_by_origin, n_by_text = 3 * 3 + 3, len(TEXTS) * 3
    assert len(refined) == n_by_origin + n_by_text
    assert n_counted == n_by_origin + len(WELL_FORMED)


def test_imitation_and_the_export_of_refinements_take_the_same_rounds(
    chains: Database, tmp_path: Path
) -> None:
    with chains.read() as session:
        learnt_from = gather_trajectories(
            session, TINY, Filters(), parent_adapter_id=None, replay_share=0.0, seed=0
        )
        n_counted = KeptRefined().current(session)
    file = tmp_path / "rows.jsonl"
    ask = ExportRequest(What.REFINEMENTS)
    manifest = exporting.write(context(chains, tmp_path), ask, file)
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]

    exported = [row["messages"][0]["content"] for row in rows]
    assert exported == [each.messages[0].content for each in learnt_from.examples]
    assert len(exported) == n_counted
    # What is no refinement at all is not read for the export; the rest is counted alike.
    unfit = {reason: n for reason, n in learnt_from.dropped.items() if reason in manifest.dropped}
    assert (
        unfit
        == manifest.dropped
        == {
            "stopped while it was written": 8,
            "empty response": 2 * 2,
            "malformed completion": 2 * 2,
            "cut by the token limit": 4,
        }
    )


@pytest.mark.parametrize(
    ("chosen", "rejected", "what", "reason"),
    [
        ("direct response", "nothing at all", FULL, None),
        ("direct response", "nothing at all", RESPONSE, "empty response"),
        ("direct response", "malformed with a response", FULL, None),
        ("direct response", "malformed with a response", RESPONSE, "malformed completion"),
        ("malformed with a response", "direct response", FULL, "malformed completion"),
        ("malformed with a response", "direct response", RESPONSE, "malformed completion"),
        ("nothing at all", "direct response", FULL, "empty response"),
        ("thought and response", "another thought, the same response", FULL,
         "the two responses are identical"),
        ("thought and response", "another thought, the same response", RESPONSE,
         "the two responses are identical"),
        ("direct response", "direct response", FULL, "the two responses are identical"),
    ],
)  # fmt: skip
def test_the_reason_is_given_in_words(
    database: Database, chosen: str, rejected: str, what: Completions, reason: str | None
) -> None:
    with database.write() as session:
        run = new_run(session, "Q?")
        sides = [
            new_round(session, run, text, STOP, candidate=number)
            for number, text in enumerate((chosen, rejected))
        ]
        session.flush()
        assert why_not_learnt(*sides, what) == reason
