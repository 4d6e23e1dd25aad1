"""What is trained on is what was served: the same prompt ids, rounds and candidates alike."""

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from db.content import prompts, rounds
from db.labelling import comparisons, raters, votes
from db.models import Outcome, RaterKind, RunMode
from db.storage.session import Database, Session
from ptrapp.core.settings import Settings
from ptrapp.core.thoughts import FORMATS, Thinking, ThoughtFormat
from ptrapp.core.types import BASE, Completion, FinishReason, Message, MessageRole, Sampling, Turn
from ptrapp.engines.base import Finished, Request, complete
from ptrapp.engines.local.engine import LocalEngine
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.recipes.training import Precision
from ptrapp.refinement.loop import as_turn, refine, sample
from ptrapp.refinement.options import RefineOptions
from ptrapp.services.storing import as_row
from training.data.encode import completion_ids, encode_pairs, encode_trajectories
from training.data.examples import Target
from training.data.pairs import gather_pairs
from training.data.trajectories import gather_trajectories
from training.jobs.payload import Filters
from training.policy.model import Base, load_base

PROMPT = "What is 12 + 30?\nSay it in words.  "
N_ROUNDS = 3


@pytest.fixture(scope="module", params=["its template", "no template"])
def model_dir(
    request: pytest.FixtureRequest,
    random_model_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    if request.param == "its template":
        return random_model_dir
    folder = shutil.copytree(random_model_dir, tmp_path_factory.mktemp("plain") / "model")
    (folder / "chat_template.jinja").unlink()
    return folder


@pytest.fixture(scope="module")
def served(model_dir: Path) -> Iterator[LocalEngine]:
    engine = LocalEngine(str(model_dir), device="cpu", threads=1)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def trained(model_dir: Path) -> Base:
    return load_base(Settings(model=str(model_dir), device="cpu"), Precision.AUTO)


@pytest.mark.parametrize("thinking", Thinking)
@pytest.mark.parametrize("fmt", FORMATS.values(), ids=FORMATS)
def test_training_reads_the_prompt_ids_that_were_served(
    fmt: ThoughtFormat,
    thinking: Thinking,
    served: LocalEngine,
    trained: Base,
    database: Database,
) -> None:
    engine = scripted(fmt)
    for _ in refine(engine, PROMPT, N_ROUNDS, RefineOptions(thinking, Sampling(), BASE)):
        pass
    asked = [served._row(request).prompt for request in engine.requests]
    assert len(set(asked)) == N_ROUNDS

    with database.write() as session:
        write_candidates(session, engine, thinking)
    again = [served._row(request).prompt for request in engine.requests[N_ROUNDS:]]
    assert again == [ids for ids in asked for _ in range(2)]

    tokenizer, dropped = trained.tokenizer, Counter[str]()
    with database.read() as session:
        pairs = gather_pairs(session, fmt, Filters()).examples
        later = gather_trajectories(
            session, fmt, Filters(), parent_adapter_id=None, replay_share=0.0, seed=0
        ).examples
    learnt = encode_pairs(tokenizer, fmt, pairs, 100_000, dropped, max_pairs=1)
    imitated = encode_trajectories(tokenizer, fmt, later, 100_000, dropped)
    assert dropped == Counter()
    assert [example.prompt.token_ids for example in learnt] == asked
    assert sorted(example.prompt.token_ids for example in imitated) == sorted(asked[1:])


def test_an_answer_cut_by_a_stop_string_is_learnt_as_it_was_shown(
    served: LocalEngine, trained: Base
) -> None:
    """Neither the string nor what was written with it, but the end of turn in its place."""
    fmt = served.thought_format
    free = Request((Message(MessageRole.USER, PROMPT),), True, Sampling(max_tokens=40, seed=1))
    (whole,) = complete(served, [free])
    assert isinstance(whole, Completion)
    stop = whole.raw[len(whole.raw) // 2 :][:4]
    (cut,) = complete(served, [replace(free, sampling=replace(free.sampling, stop=(stop,)))])
    assert isinstance(cut, Completion)
    row = as_row(cut, index=0, thinking=True, sampling=Sampling(), seed=1, reference_answer=None)
    assert row.completion_ids is None
    assert row.finish_reason == FinishReason.STOP
    target = Target(row.raw, row.completion_ids, finished=True)
    prompt = served._row(free).prompt
    *ids, last = completion_ids(trained.tokenizer, fmt, prompt, target, True)
    assert last == trained.tokenizer.eos_token_id
    learnt = fmt.prefill(True) + trained.tokenizer.decode(ids, skip_special_tokens=False)
    assert learnt == row.raw == whole.raw[: whole.raw.index(stop)]


def scripted(fmt: ThoughtFormat) -> ScriptedEngine:
    """Writes by the rules of the format; only the second candidate (seed 1) has another answer."""

    def answer(request: Request) -> str:
        n = 42 if request.sampling.seed != 1 else 43
        if not request.thinking:
            return f"{fmt.prefill_direct} It is {n}."
        return f"{fmt.thought_marker} 12 + 30\nis\t{n}.{fmt.response_marker} It is {n}."

    return ScriptedEngine(answer, context_length=100_000, thought_format=fmt)


def write_candidates(session: Session, engine: ScriptedEngine, thinking: Thinking) -> None:
    """Store two candidates a round as the app does, the first preferred and gone on from."""
    prompt = prompts.ensure_prompt(session, PROMPT, source="test")
    run = rounds.start_run(session, prompt.id, RunMode.SAMPLE, {})
    rater = raters.ensure_rater(session, RaterKind.HUMAN, "Ada")
    turns: list[Turn] = []
    parent_id = None
    for index in range(N_ROUNDS):
        events = sample(engine, PROMPT, 2, RefineOptions(thinking, Sampling(), BASE), turns)
        stored = []
        for event in sorted((e for e in events if isinstance(e, Finished)), key=lambda e: e.index):
            row = as_row(
                replace(event.completion, token_ids=()), index=index, candidate=event.index,
                parent_id=parent_id, thinking=thinking.at(index), sampling=Sampling(), seed=0,
                reference_answer=None,
            )  # fmt: skip
            stored.append(rounds.add_round(session, run.id, row))
            if event.index == 0:
                turns.append(as_turn(event.completion))
        comparison = comparisons.ensure_comparison(session, stored[0].id, stored[1].id)
        side = Outcome.LEFT if comparison.left_round_id == stored[0].id else Outcome.RIGHT
        offer = comparisons.offer(session, rater.id, comparison.id, flipped=False)
        votes.cast_vote(session, offer.key, side)
        parent_id = stored[0].id
