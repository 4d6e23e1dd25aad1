"""A judge's labelling of a campaign: each pair once, missing verdicts, scores, result."""

import os
import random
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import isclose
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from campaign_rows import CampaignRows
from tpo_world import DiesAtWrite, Killed
from training_world import Programs, add_round, finished, job, order, wait_until

from db.content import prompts, rounds
from db.labelling import campaigns, raters
from db.labelling.campaigns import NewItem
from db.models import (
    Aspect,
    Campaign,
    CampaignItem,
    CampaignRater,
    Comparison,
    ItemKind,
    Job,
    JobKind,
    JobStatus,
    Outcome,
    Rater,
    RaterKind,
    RunMode,
    Score,
    Vote,
)
from db.registry import jobs
from db.storage.errors import Conflict
from db.storage.session import Database, Session
from ptrapp.core.errors import ConfigurationError, JudgeError, TrainingError
from ptrapp.core.settings import Settings
from ptrapp.core.types import Choice
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.judges.base import Verdict
from ptrapp.judges.llm import LlmJudge
from ptrapp.judges.verifier import Verifier
from training.jobs.claim import Claim, StopRequested
from training.jobs.payload import Payload
from training.jobs.ranks import Ranks
from training.judging import labelling
from training.recipes import judge as recipe

LEFT, RIGHT, TIE = Choice.LEFT, Choice.RIGHT, Choice.TIE


class Length:
    """Scores by length, decides by the scores, and records what it is asked."""

    name = "length"

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.questions: list[str] = []

    def score(self, question: str, reference: str | None, responses: Sequence[str]) -> list[float]:
        if "unreadable" in responses:
            raise JudgeError("A response of 5123 tokens does not fit.")
        self.shown += responses
        self.questions.append(question)
        return [float(len(response)) for response in responses]

    def decide(self, left: float, right: float) -> Verdict:
        return Verdict(TIE if left == right else LEFT if left > right else RIGHT, "By length.")

    def compare(self, *_: Any) -> Verdict:
        raise AssertionError("it is asked for numbers")


class Words:
    """Only compares; raises for a question it has no verdict for."""

    name = "words"

    def __init__(self, verdicts: dict[str, Verdict] | None = None) -> None:
        self.asked: list[tuple[str, str]] = []
        self._verdicts = verdicts

    def compare(self, question: str, reference: str | None, left: str, right: str) -> Verdict:
        self.asked.append((left, right))
        if self._verdicts is None:
            return Verdict(LEFT, "The first.", agreed=True)
        if question not in self._verdicts:
            raise JudgeError(f"No verdict on {question!r}, asked {len(self.asked)} times.")
        return self._verdicts[question]


@dataclass
class JudgingJobs:
    """A database with one campaign, and judging jobs that run in this process."""

    database: Database
    folder: Path
    patch: pytest.MonkeyPatch
    campaign_id: int = 0
    rounds: list[tuple[int, int]] = field(default_factory=list)

    def open_campaign(
        self, sides: Sequence[tuple[str, str]], aspect: Aspect = Aspect.RESPONSE, **known: Outcome
    ) -> None:
        """Adds a prompt for each two raw completions; `known` has the answer of some, as `n0`."""
        items = []
        with self.database.write() as session:
            for number, raw in enumerate(sides):
                run = self._run_of(session, number)
                ids = [add_round(session, run, text, candidate=at) for at, text in enumerate(raw)]
                self.rounds.append((ids[0], ids[1]))
                gold = known.get(f"n{number}")
                kind = ItemKind.GOLD if gold else ItemKind.PLAIN
                items.append(NewItem(ids[0], ids[1], kind=kind, gold=gold))
            self.campaign_id = campaigns.create(session, f"c{uuid4().hex}", aspect=aspect).id
            campaigns.add_items(session, self.campaign_id, items, draw=random.Random(0))

    def _run_of(self, session: Session, number: int) -> int:
        """The answer of odd prompts is known, and is 2."""
        prompt = prompts.ensure_prompt(
            session,
            f"Question {number}?",
            source="test",
            reference_answer="2" if number % 2 else None,
        )
        return rounds.start_run(session, prompt.id, RunMode.SAMPLE, {}).id

    def claim(self, **settings: Any) -> Claim:
        with self.database.write() as session:
            jobs.enqueue(session, JobKind.JUDGE, {}, uuid4().hex)
            claimed = jobs.claim(session, 60.0)
        assert claimed is not None
        assert claimed.claim_token is not None
        chosen = {"campaign_id": self.campaign_id} | settings
        payload = Payload(None, chosen)
        settings_ = Settings(data_dir=self.folder)
        token = claimed.claim_token
        return Claim(self.database, settings_, claimed.id, token, JobKind.JUDGE, payload)

    def run(self, claim: Claim, judge: Any) -> Job:
        self.patch.setattr(recipe, "open_judge", lambda _: judge)
        recipe.run(claim, Ranks.join(cpu=True))
        return job(self.database, claim.job_id)

    def result_of(self, judge: Any, **settings: Any) -> dict[str, Any]:
        """Runs a whole job and returns its result."""
        done = self.run(self.claim(**settings), judge)
        assert done.status is JobStatus.DONE
        return done.result

    def votes(self) -> list[Vote]:
        with self.database.read() as session:
            return session.query(Vote).order_by(Vote.id).all()

    def uncertainty(self) -> list[float]:
        with self.database.read() as session:
            rows = session.query(CampaignItem).order_by(CampaignItem.id)
            return [row.uncertainty for row in rows]

    def people_say(self, number: int, *outcomes: Outcome) -> None:
        """Has one person after another label the campaign's n-th comparison."""
        with self.database.write() as session:
            rows = CampaignRows(session, session.get_one(Campaign, self.campaign_id))
            items = session.query(CampaignItem).order_by(CampaignItem.id).all()
            for name, outcome in zip(("Ada", "Bea", "Cid"), outcomes, strict=False):
                who = raters.ensure_rater(session, RaterKind.HUMAN, name)
                rows.answer(items[number], who.id, outcome)


@pytest.fixture
def judging(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JudgingJobs:
    return JudgingJobs(database, tmp_path, monkeypatch)


def said(response: str, thought: str = "hidden plan") -> str:
    return f"<T> {thought}<R> {response}"


def pairs(n: int) -> list[tuple[str, str]]:
    """Comparison i has responses of i + 1 letters and of one."""
    return [(said("a" * (number + 1)), said("b")) for number in range(n)]


def test_every_comparison_is_judged_once_and_a_second_job_has_nothing_to_ask(
    judging: JudgingJobs,
) -> None:
    judging.open_campaign(pairs(5))
    judge = Words()

    first = judging.result_of(judge, chunk=2)
    second = judging.result_of(judge)

    assert len(judge.asked) == 5
    assert first == second
    assert (first["judge"], first["n_comparisons"], first["n_judged"]) == ("words", 5, 5)
    assert (first["n_decided"], first["n_ties"], first["n_unscored"]) == (5, 0, 0)
    stored = {(vote.outcome, vote.rationale, vote.agreed, vote.blind) for vote in judging.votes()}
    assert stored == {(Outcome.LEFT, "The first.", True, True)}
    with judging.database.read() as session:
        (rater,) = session.query(Rater).all()
        assert (rater.name, rater.kind) == ("judge:words", RaterKind.JUDGE)


def test_known_answers_are_judged_and_counted_and_practice_is_left_alone(
    judging: JudgingJobs,
) -> None:
    judging.open_campaign(pairs(4), n1=Outcome.LEFT, n2=Outcome.RIGHT)
    with judging.database.write() as session:
        row = session.query(CampaignItem).order_by(CampaignItem.id.desc()).first()
        assert row is not None
        row.kind, row.gold_outcome = ItemKind.PRACTICE, Outcome.LEFT
    judge = Words()

    found = judging.result_of(judge)

    assert len(judge.asked) == found["n_comparisons"] == 3
    assert (found["n_gold"], found["n_gold_right"]) == (2, 1)


def test_what_it_cannot_say_is_counted_by_reason_and_never_a_tie(judging: JudgingJobs) -> None:
    sides = [(said("The answer is 2."), said("The answer is 3."))] * 5
    judging.open_campaign(sides)
    claim = judging.claim()

    done = judging.run(claim, Verifier())

    assert [vote.outcome for vote in judging.votes()] == [Outcome.LEFT] * 2
    assert done.result["n_unscored"] == 3
    assert [row["n"] for row in done.result["unscored"]] == [3]
    assert (
        "needs a reference answer, and this prompt has none" in done.result["unscored"][0]["reason"]
    )
    assert done.notes[1]["level"] == "warning"
    assert done.notes[1]["text"].startswith("3 unscored: The verifier needs")


def test_a_judge_of_scores_is_asked_for_each_response_once(judging: JudgingJobs) -> None:
    judging.open_campaign([(said("aaa"), said("bb"))])
    with judging.database.write() as session:
        run = judging._run_of(session, 0)
        third = add_round(session, run, said("c"))
        items = [NewItem(side, third) for side in judging.rounds[0]]
        campaigns.add_items(session, judging.campaign_id, items, draw=random.Random(0))
    judge = Length()

    found = judging.result_of(judge, chunk=1)

    assert judge.shown == ["aaa", "bb", "c"]
    assert found["n_decided"] == 3
    with judging.database.read() as session:
        stored = {row.round_id: row.value for row in session.query(Score)}
    assert stored == {judging.rounds[0][0]: 3.0, judging.rounds[0][1]: 2.0, third: 1.0}


def test_one_response_that_cannot_be_read_leaves_its_own_pair_unscored(
    judging: JudgingJobs,
) -> None:
    judging.open_campaign([(said("aa"), said("unreadable")), (said("aa"), said("b"))])

    found = judging.result_of(Length())

    assert (found["n_judged"], found["n_unscored"]) == (1, 1)
    assert found["unscored"] == [{"reason": "A response of 5123 tokens does not fit.", "n": 1}]
    with judging.database.read() as session:
        assert session.query(Score).count() == 3


def test_of_equal_texts_nobody_is_asked(judging: JudgingJobs) -> None:
    judging.open_campaign([(said("same"), said("same"))])
    judge = Words()

    assert judging.result_of(judge)["n_ties"] == 1
    assert not judge.asked


def test_where_responses_are_compared_the_judge_is_shown_no_thought(judging: JudgingJobs) -> None:
    judging.open_campaign(pairs(2))
    engine = ScriptedEngine(lambda _: "[[C]]")

    judging.result_of(LlmJudge(engine, "llm"))

    shown = read_by(engine)
    assert "bbb" not in shown
    assert "hidden" not in shown
    assert "response A" in shown


@pytest.mark.parametrize(
    "thought", ["I add.", "<think>I add.</think> Then?", "<R> is a mark. I add."]
)
def test_where_thoughts_are_compared_they_are_read_whole(
    judging: JudgingJobs, thought: str
) -> None:
    judging.open_campaign([(said("answer"), said("answer"))], Aspect.THOUGHT)
    with judging.database.write() as session:
        left = session.get_one(Comparison, 1).left
        left.thought = thought
    engine = ScriptedEngine(lambda _: "[[C]]")

    judging.result_of(LlmJudge(engine, "llm"))

    shown = read_by(engine)
    assert "I add." in shown
    assert "hidden" in shown
    assert "The two responses you judge are these thoughts" in shown
    assert "answer\n</response" not in shown


def test_scores_of_thoughts_order_the_campaign_and_are_not_stored_as_those_of_responses(
    judging: JudgingJobs,
) -> None:
    thoughts = [("a" * 9, "b"), ("aa", "bb"), ("aaaa", "b")]
    judging.open_campaign(
        [tuple(said("r", each) for each in two) for two in thoughts], Aspect.THOUGHT
    )
    claim = judging.claim(chunk=1)
    with pytest.raises(Killed):
        judging.run(replace(claim, database=DiesAtWrite(judging.database, 3)), Length())
    again = Length()
    judging.run(claim, again)

    assert sorted(map(len, again.shown)) == [1, 4], "the first two pairs were kept"
    sure, unsure, middle = judging.uncertainty()
    assert sure < middle < unsure
    assert isclose(unsure, 1, abs_tol=1e-5)
    with judging.database.read() as session:
        assert session.query(Score).count() == 0


def test_what_people_may_still_be_given_is_ordered_by_the_judges_scores(
    judging: JudgingJobs,
) -> None:
    judging.open_campaign(pairs(4))
    judging.people_say(0, Outcome.LEFT)
    with judging.database.write() as session:
        first = session.query(CampaignItem).order_by(CampaignItem.id).first()
        assert first is not None
        first.n_taken = first.overlap
        ada = raters.find_rater(session, "Ada")
        assert ada is not None
        session.add(CampaignRater(campaign_id=1, rater_id=ada.id, least_uncertain=0.1))

    judging.result_of(Length())

    full, *still_open = judging.uncertainty()
    assert isclose(full, 0.5, abs_tol=1e-5), "nobody is given it any more"
    assert still_open == sorted(still_open, reverse=True)
    assert 0 < still_open[-1] < still_open[0] < 0.8
    with judging.database.read() as session:
        assert session.query(CampaignRater).one().least_uncertain is None


def test_a_judge_that_contradicted_itself_is_asked_of_people_first(judging: JudgingJobs) -> None:
    judging.open_campaign(pairs(4))
    verdicts = {
        "Question 0?": Verdict(TIE, "Both, in turn.", agreed=False),
        "Question 1?": Verdict(RIGHT, "Twice.", agreed=True),
        "Question 2?": Verdict(TIE, "Alike.", agreed=True),
    }

    found = judging.result_of(Words(verdicts))

    assert [round(each, 3) for each in judging.uncertainty()] == [1, 0, 0.5, 0.5]
    assert len(set(judging.uncertainty())) == 4, "no two are alike"
    assert (found["n_doubts"], found["n_ties"], found["n_decided"]) == (1, 1, 1)
    assert isclose(found["both_orders_agree"], 2 / 3)
    assert found["unscored"] == [{"reason": "No verdict on 'Question 3?', asked 4 times.", "n": 1}]


def test_agreement_with_people_is_by_comparison_without_gold_and_doubts(
    judging: JudgingJobs,
) -> None:
    """The judge says left of 0 and 1, contradicts itself on 2, and 3 is gold: 3 labels of 4."""
    judging.open_campaign(pairs(5), n3=Outcome.LEFT)
    verdicts = {f"Question {n}?": Verdict(LEFT, "", agreed=True) for n in (0, 1, 3)}
    verdicts["Question 2?"] = Verdict(TIE, "", agreed=False)
    judging.people_say(0, Outcome.LEFT, Outcome.LEFT, Outcome.RIGHT)
    judging.people_say(1, Outcome.LEFT)
    judging.people_say(2, Outcome.TIE)
    judging.people_say(3, Outcome.LEFT)
    claim = judging.claim()

    done = judging.run(claim, Words(verdicts))

    found = done.result
    assert (found["n_shared_labels"], found["agreement_with_people"]) == (4, 0.75)
    assert 0 < found["agreement_low"] < 0.75 < found["agreement_high"] < 1
    assert "Of 4 labels by people it says the same in 75%" in done.notes[-1]["text"]


@pytest.mark.parametrize("judge", [Words, Length])
def test_killed_at_any_transaction_it_ends_as_if_nothing_had_happened(
    judging: JudgingJobs, judge: type[Any]
) -> None:
    """A batch of two is stored in two transactions."""
    judging.patch.setattr(labelling, "VERDICTS_PER_TRANSACTION", 1)
    judging.open_campaign(pairs(5))
    calm = judging.result_of(judge(), chunk=2)
    expected = [(v.comparison_id, v.outcome) for v in judging.votes()]
    for n_transactions in range(11):
        claim = judging.claim(chunk=2)
        dying: Any = DiesAtWrite(judging.database, n_transactions)
        asked = judge()
        asked.name = f"dies{n_transactions}"
        with pytest.raises(Killed):
            judging.run(replace(claim, database=dying), asked)

        done = judging.run(claim, asked)

        assert done.result == calm | {"judge": asked.name}
        assert [(v.comparison_id, v.outcome) for v in judging.votes()[-5:]] == expected
        n_asked = len(asked.asked) if isinstance(asked, Words) else len(asked.shown) // 2
        assert n_asked <= 5 + 2, "a batch at most is asked again"
    assert len(judging.votes()) == 12 * 5


def test_a_stop_does_not_wait_for_the_judge(judging: JudgingJobs) -> None:
    judging.open_campaign(pairs(3))
    claim = judging.claim(chunk=1)
    answer = threading.Event()

    class Slow(Words):
        def compare(self, *sides: Any) -> Verdict:
            if len(self.asked) == 1:
                claim.stop.set()
                assert answer.wait(60)
            return super().compare(*sides)

    with pytest.raises(StopRequested):
        judging.run(claim, Slow())
    assert len(judging.votes()) == 1
    answer.set()
    claim.stop.clear()
    again = Words()
    judging.run(claim, again)
    assert (len(again.asked), len(judging.votes())) == (2, 3)


def test_a_judge_that_is_down_ends_the_job_and_what_it_said_is_kept(judging: JudgingJobs) -> None:
    judging.open_campaign(pairs(9))
    claim = judging.claim(chunk=1)
    few = Words({f"Question {n}?": Verdict(LEFT, "") for n in (0, 3)})

    with pytest.raises(TrainingError, match=r"words gave no verdict on 3 batches .* No verdict on"):
        judging.run(claim, few)

    assert (len(few.asked), len(judging.votes())) == (7, 2)
    assert judging.run(claim, Words()).result["n_judged"] == 9


def test_a_process_that_lost_its_job_stores_nothing(judging: JudgingJobs) -> None:
    judging.open_campaign(pairs(2))
    claim = judging.claim()

    class Late(Words):
        def compare(self, *sides: Any) -> Verdict:
            with judging.database.write() as session:
                session.get_one(Job, claim.job_id).claim_token = "another"
            return super().compare(*sides)

    with pytest.raises(Conflict):
        judging.run(claim, Late())
    assert not judging.votes()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"judge": "llm"}, "--judge-base-url"),
        ({"judge": "nobody"}, "'nobody' names no judge"),
        ({"campaign_id": 77}, "no campaign 77"),
        ({"chunks": 3}, "chunks: "),
        ({"chunk": 0}, "chunk: "),
    ],
)
def test_what_cannot_be_judged_is_refused_in_words(
    judging: JudgingJobs, settings: dict[str, Any], words: str
) -> None:
    judging.open_campaign(pairs(1))
    with pytest.raises((ConfigurationError, Conflict), match=words):
        recipe.run(judging.claim(**settings), Ranks.join(cpu=True))


@pytest.mark.worker
def test_a_real_job_killed_in_the_middle_judges_every_pair_once(
    judging: JudgingJobs, random_model_dir: Path
) -> None:
    """A worker and a process of its own; the app's judge is the verifier."""
    judging.open_campaign([(said("The answer is 2."), said("It is 3."))] * 120)
    programs = Programs(judging.database, judging.folder, random_model_dir, OMP_NUM_THREADS="1")
    settings = {"campaign_id": judging.campaign_id, "chunk": 1}
    job_id = order(judging.database, JobKind.JUDGE, settings)
    worker = programs.start_worker()
    wait_until(judging.votes, "the first verdict")
    child = wait_until(lambda: programs.child_of(worker), "the job's process")
    os.kill(child, signal.SIGKILL)
    before = len(judging.votes())

    done = finished(judging.database, job_id)
    programs.close()

    assert (done.status, done.error) == (JobStatus.DONE, None)
    votes = judging.votes()
    assert before < 60 == len(votes) == len({vote.comparison_id for vote in votes})
    assert done.result["n_judged"] == done.result["n_unscored"] == 60


def read_by(engine: ScriptedEngine) -> str:
    """Returns everything that the judge's model was given to read."""
    return "\n".join(message.content for each in engine.requests for message in each.messages)
