"""Concurrent requests: newcomers join between steps, people come first, cancelling is quick."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import pytest
from engine_contract import ask

from ptrapp.core.errors import PolicyMissing
from ptrapp.core.types import BASE, Completion, Message, MessageRole, Policy, Sampling
from ptrapp.engines.base import Delta, Finished, Priority, Request, complete
from ptrapp.engines.local.batches import (
    MAX_INTERACTIVE_ROWS,
    RequestGroup,
    RequestState,
    new_group,
    new_row,
)
from ptrapp.engines.local.decoding import DecoderBatch
from ptrapp.engines.local.engine import LocalEngine
from ptrapp.engines.local.rows import Row
from ptrapp.engines.local.scheduler import MIN_PEOPLE_S, Scheduler


def answers(engine: LocalEngine, requests: list[Request]) -> list[Completion]:
    outcomes = complete(engine, requests)
    assert all(isinstance(outcome, Completion) for outcome in outcomes), outcomes
    return [outcome for outcome in outcomes if isinstance(outcome, Completion)]


def batches(engine: LocalEngine) -> list[tuple[Policy, Priority, int]]:
    """Returns the batches of the model thread now, each with the number of rows it decodes."""
    scheduler = engine._model_thread._scheduler
    return engine._model_thread._ask(
        lambda: [(batch.policy, batch.priority, len(batch._decoding)) for batch in scheduler]
    )


def test_a_newcomer_joins_the_rows_of_its_version_and_ends_before_them(
    engine: LocalEngine,
) -> None:
    requests = [ask("x " * 30, max_tokens=300, seed=n) for n in range(4)]
    alone = [one.token_ids for one in answers(engine, requests)]
    late = ask("hi", max_tokens=60, seed=9)
    expected = answers(engine, [late])[0].token_ids
    long = engine.stream(requests)
    next(long)
    short = engine.stream([late])
    next(short)
    assert batches(engine) == [(BASE, Priority.PERSON, 5)]
    *_, end = short
    n_still_written = batches(engine)[0][2]
    ends = [event for event in long if isinstance(event, Finished)]
    assert isinstance(end, Finished)
    assert end.completion.token_ids == expected
    assert n_still_written > 0
    assert {end.index: end.completion.token_ids for end in ends} == dict(enumerate(alone))


def test_a_job_has_a_batch_of_its_own_and_so_does_each_version(
    engine: LocalEngine, adapter: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    step = DecoderBatch.step

    def slow(self: DecoderBatch) -> list[Row]:
        time.sleep(0.002)  # a small model would end the first answer before the last one begins
        return step(self)

    monkeypatch.setattr(DecoderBatch, "step", slow)
    engine.publish("four", adapter(4))
    long = ask("hi", max_tokens=400)
    open_ = [
        engine.stream(requests)
        for requests in (
            [long],
            [replace(long, priority=Priority.JOB)],
            [replace(long, policy=Policy("four"))] * 2,
            [long] * (MAX_INTERACTIVE_ROWS + 1),
        )
    ]
    for events in open_:
        next(events)
    assert sorted((batch[0].label, batch[1].value, batch[2]) for batch in batches(engine)) == [
        ("base", "job", MAX_INTERACTIVE_ROWS + 2),
        ("base", "person", 1),
        ("four", "person", 2),
    ]
    for events in open_:
        events.close()


def test_cancelling_takes_at_most_the_step_under_way(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, n_steps = DecoderBatch.step, [0]

    def counted(self: DecoderBatch) -> list[Row]:
        n_steps[0] += 1
        return step(self)

    monkeypatch.setattr(DecoderBatch, "step", counted)
    events = engine.stream([ask("x " * 50, max_tokens=400, seed=n) for n in range(8)])
    while not isinstance(next(events), Delta):
        pass
    before = n_steps[0]
    events.close()
    assert batches(engine) == []
    assert n_steps[0] - before <= 2


@pytest.mark.parametrize("beside", ["What is 12 + 30?", "x " * 60])
def test_rows_that_leave_do_not_change_those_that_stay(engine: LocalEngine, beside: str) -> None:
    stays = ask("What is 12 + 30?", max_tokens=80, seed=3)
    expected = answers(engine, [stays])[0].token_ids
    goes = engine.stream([ask(beside, max_tokens=300, seed=n) for n in range(10, 13)])
    next(goes)
    events = engine.stream([stays])
    next(events)
    goes.close()
    *_, end = events
    assert isinstance(end, Finished)
    assert end.completion.token_ids == expected


class FakeDecoder:
    """Writes one row a step to its end."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(self, rows: Sequence[Row]) -> None:
        self.rows += rows

    def drop(self, rows: object) -> None: ...

    def step(self) -> list[Row]:
        return []


def group(priority: Priority, n_rows: int = 1, policy: Policy = BASE) -> RequestGroup:
    states = [
        RequestState(n, new_row([1], Sampling(), 10), None, SimpleQueue(), 0.0)  # type: ignore[arg-type]
        for n in range(n_rows)
    ]
    return new_group(policy, priority, states)


def test_people_get_two_thirds_of_the_time_and_jobs_one_step_each() -> None:
    scheduler = Scheduler(lambda policy: FakeDecoder(), joined=True)
    person, other = group(Priority.PERSON), group(Priority.PERSON, policy=Policy("a"))
    jobs = [group(Priority.JOB), group(Priority.PERSON, MAX_INTERACTIVE_ROWS + 1, Policy("a"))]
    scheduler.add([jobs[0], person, jobs[1], other])
    (first, slice_s), (second, _), (job, job_s) = scheduler.cycle()
    assert [first.groups, second.groups, job.groups] == [[person], [other], [jobs[0]]]
    assert slice_s == MIN_PEOPLE_S / 2
    assert job_s == 0
    scheduler.job_s = 0.3
    (_, slice_s), _, (job, _) = scheduler.cycle()
    assert slice_s == pytest.approx(0.3)
    assert job.groups == [jobs[1]]


@pytest.mark.parametrize(("priority", "admitted"), [(Priority.JOB, 2), (Priority.PERSON, 5)])
def test_a_job_decodes_as_many_rows_at_once_as_it_may(priority: Priority, admitted: int) -> None:
    decoder = FakeDecoder()
    scheduler = Scheduler(lambda policy: decoder, joined=True, job_rows=2)
    scheduler.add([group(priority, 5)])
    (batch,) = scheduler
    batch.step()
    assert len(decoder.rows) == admitted


def test_a_group_that_cannot_join_has_a_batch_of_its_own() -> None:
    scheduler = Scheduler(lambda policy: FakeDecoder(), joined=False)
    one, two = group(Priority.PERSON), group(Priority.PERSON)
    scheduler.add([one, two])
    assert [batch.groups for batch in scheduler] == [[one], [two]]
    assert scheduler.remove(one)
    assert not scheduler.remove(one)
    assert [batch.groups for batch in scheduler] == [[two]]


N_PEOPLE, N_VERSIONS = 32, 20


def trajectories(
    engine: LocalEngine, numbers: list[int], policy: Policy
) -> list[tuple[tuple[int, ...], ...]]:
    """Two rounds of each of these people, as token ids."""
    chats = [(Message(MessageRole.USER, f"question {number}"),) for number in numbers]
    written: list[list[Completion]] = []
    for seed in range(2):
        drawn = [Sampling(0.8, 0.95, 6, number + seed, (), 6) for number in numbers]
        pairs = zip(chats, drawn, strict=True)
        written.append(answers(engine, [Request(chat, True, how, policy) for chat, how in pairs]))
        chats = [
            (*chat, Message(MessageRole.ASSISTANT, one.raw), Message(MessageRole.USER, "again"))
            for chat, one in zip(chats, written[-1], strict=True)
        ]
    return [tuple(one.token_ids for one in rounds) for rounds in zip(*written, strict=True)]


def test_every_answer_is_the_pinned_versions_while_twenty_come_and_go(
    engine: LocalEngine, adapter: Callable[[int], Path]
) -> None:
    """32 people ask for two rounds after each other; both are what their version writes alone."""
    expected: dict[str, list[tuple[tuple[int, ...], ...]]] = {}
    wrong: list[tuple[str, int]] = []
    n_rounds, current, stop = [0] * N_PEOPLE, ["v01"], threading.Event()

    def person(number: int) -> None:
        while not stop.is_set():
            policy = Policy(current[0])
            try:
                with engine.pin(policy):
                    (written,) = trajectories(engine, [number], policy)
            except PolicyMissing:
                continue  # retired before it was pinned
            n_rounds[number] += 2
            if written != expected[policy.label][number]:
                wrong.append((policy.label, number))

    people = [threading.Thread(target=person, args=(number,)) for number in range(N_PEOPLE)]
    for version in range(1, N_VERSIONS + 1):
        name, before = f"v{version:02}", sum(n_rounds)
        engine.publish(name, adapter(2 * version))
        expected[name] = trajectories(engine, list(range(N_PEOPLE)), Policy(name))
        engine._model_thread._ask(
            lambda name=name: engine._model_thread._context.prefix_cache.drop_adapter(name)
        )
        current[0] = name
        if version == 1:
            for thread in people:
                thread.start()
        else:
            engine.retire(f"v{version - 1:02}")
        while sum(n_rounds) < before + N_PEOPLE and any(t.is_alive() for t in people):
            stop.wait(0.005)
    stop.set()
    for thread in people:
        thread.join()
    assert wrong == []
    assert min(n_rounds) > 0
    distinct = [set(rounds) for rounds in expected.values()]
    assert len(set.union(*distinct)) == sum(map(len, distinct))
    answers(engine, [ask("hi")])
    assert list(engine._model_thread._adapters._inner) == [f"v{N_VERSIONS}"]
    assert engine._model_thread._context.prefix_cache.n_reused > 0
    kept = {key.adapter for key in engine._model_thread._context.prefix_cache._entries}
    assert kept <= {None, f"v{N_VERSIONS}"}
