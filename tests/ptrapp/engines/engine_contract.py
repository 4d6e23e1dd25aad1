"""The contract of every engine: a test class per engine inherits this one and has the fixtures."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ptrapp.core.errors import (
    AdapterRejected,
    ContextTooLong,
    EngineUnavailable,
    PolicyMissing,
)
from ptrapp.core.types import BASE, Completion, FinishReason, Message, MessageRole, Policy, Sampling
from ptrapp.engines.base import Delta, Engine, Failed, Finished, Priority, Request, complete


def ask(text: str, *, policy: Policy = BASE, thinking: bool = True, **sampling: object) -> Request:
    n_tokens = sampling.get("max_tokens", 24)
    limits = {"max_tokens": n_tokens, "max_thought_tokens": n_tokens}
    drawn = Sampling(**{**limits, **sampling})  # type: ignore[arg-type]
    return Request((Message(MessageRole.USER, text),), thinking, drawn, policy)


def stops_in(text: str, size: int) -> list[str]:
    """Strings of so many characters from everywhere in the text: most span several tokens."""
    whole = text.rstrip()
    windows = [whole[at : at + size] for at in range(3, len(whole) - size, 7)]
    return [one for one in windows if one.isascii()]


def n_tokens(completion: Completion) -> int:
    return completion.n_thought_tokens + completion.n_response_tokens


class EngineContract:
    """Fixtures to provide: `engine`, and `adapter` that makes an adapter folder from a number."""

    def test_what_it_says_of_itself_is_in_sentences(self, engine: Engine) -> None:
        assert engine.about
        assert all(sentence.endswith(".") for sentence in engine.about)

    def test_every_request_ends_exactly_once(self, engine: Engine) -> None:
        events = list(engine.stream([ask(f"question {n}", seed=n) for n in range(5)]))
        ends = [event.index for event in events if not isinstance(event, Delta)]
        assert sorted(ends) == [0, 1, 2, 3, 4]
        assert all(isinstance(event, Delta | Finished) for event in events)

    def test_no_requests_give_no_events(self, engine: Engine) -> None:
        assert list(engine.stream([])) == []

    def test_deltas_grow_towards_the_completion(self, engine: Engine) -> None:
        *deltas, end = engine.stream([ask("count", seed=3)])
        assert isinstance(end, Finished)
        assert deltas
        sizes = [event.n_tokens for event in deltas if isinstance(event, Delta)]
        assert sizes == sorted(sizes)
        assert sizes[-1] <= len(end.completion.token_ids)
        for event in deltas:
            assert isinstance(event, Delta)
            whole = end.completion.split
            assert (whole.thought + whole.response).startswith(event.split.thought[:-1])

    def test_the_counts_of_a_completion_add_up(self, engine: Engine) -> None:
        for outcome in complete(engine, [ask("a", seed=1), ask("b", thinking=False, seed=2)]):
            assert isinstance(outcome, Completion)
            assert n_tokens(outcome) == len(outcome.token_ids) > 0
            assert 0 <= outcome.thought_s <= outcome.duration_s

    def test_logps_come_with_a_completion_that_asks_for_them(self, engine: Engine) -> None:
        plain, asked = complete(engine, [ask("a", seed=1), replace(ask("a", seed=1), logps=True)])
        assert isinstance(plain, Completion)
        assert isinstance(asked, Completion)
        assert plain.logps == ()
        assert len(asked.logps) == len(asked.token_ids)
        assert sum(asked.logps) == pytest.approx(asked.logprob_sum, abs=1e-4)

    def test_a_job_is_answered_like_a_person(self, engine: Engine) -> None:
        requests = [ask("a", seed=1), replace(ask("a", seed=1), priority=Priority.JOB)]
        person, job = complete(engine, requests)
        assert isinstance(person, Completion)
        assert isinstance(job, Completion)
        assert person.raw == job.raw

    def test_a_completion_ends_before_a_stop_string(self, engine: Engine) -> None:
        free, written = self.free_text(engine)
        stops = stops_in(written, 5)
        requests = [replace(free, sampling=replace(free.sampling, stop=(one,))) for one in stops]
        outcomes = complete(engine, [*requests, free])
        assert len(stops) > 2
        for stop, cut in zip(stops, outcomes, strict=False):
            assert isinstance(cut, Completion)
            assert self.generated(engine, cut) == written[: written.index(stop)]
            assert cut.finish_reason is FinishReason.STOP
        whole = outcomes[-1]
        assert isinstance(whole, Completion)
        assert self.generated(engine, whole) == written
        assert isinstance(outcomes[0], Completion)
        assert n_tokens(outcomes[0]) < n_tokens(whole)

    def test_ids_that_spell_a_stop_string_are_left_out(self, engine: Engine) -> None:
        """Training would otherwise learn to write it."""
        free, written = self.free_text(engine)
        for stop in stops_in(written, 5):
            asked = replace(free, sampling=replace(free.sampling, stop=(stop,)), logps=True)
            (cut,) = complete(engine, [asked])
            assert isinstance(cut, Completion)
            assert (cut.token_ids, cut.logps, cut.logprob_sum) == ((), (), None)
            assert 0 < n_tokens(cut) <= asked.sampling.max_tokens

    def test_the_stop_string_that_comes_first_ends_it(self, engine: Engine) -> None:
        free, written = self.free_text(engine)
        first, *_, last = stops_in(written, 4)
        stop = ("never written", last, first)
        (cut,) = complete(engine, [replace(free, sampling=replace(free.sampling, stop=stop))])
        assert isinstance(cut, Completion)
        begins = min(written.index(first), written.index(last))
        assert self.generated(engine, cut) == written[:begins]

    def test_nothing_of_a_stop_string_is_ever_shown(self, engine: Engine) -> None:
        free, written = self.free_text(engine)
        stops = stops_in(written, 9)
        requests = [replace(free, sampling=replace(free.sampling, stop=(one,))) for one in stops]
        events = list(engine.stream(requests))
        whole = {
            event.index: event.completion.split for event in events if isinstance(event, Finished)
        }
        for event in events:
            if isinstance(event, Delta):
                end = whole[event.index]
                assert end.thought.startswith(event.split.thought)
                assert end.response.startswith(event.split.response)

    def test_a_stop_string_that_is_never_written_changes_nothing(self, engine: Engine) -> None:
        free, written = self.free_text(engine)
        stop = (written[-6:] + "and then some", "never written")
        asked = replace(free, sampling=replace(free.sampling, stop=stop))
        plain, stopped = complete(engine, [free, asked])
        assert isinstance(plain, Completion)
        assert isinstance(stopped, Completion)
        assert (stopped.raw, stopped.token_ids) == (plain.raw, plain.token_ids)
        assert stopped.finish_reason is plain.finish_reason

    def free_text(self, engine: Engine) -> tuple[Request, str]:
        """A request, and what is written for it when nothing stops it."""
        request = ask("What is 12 + 30?", seed=4, max_tokens=48)
        (outcome,) = complete(engine, [request])
        assert isinstance(outcome, Completion)
        return request, self.generated(engine, outcome)

    def generated(self, engine: Engine, completion: Completion) -> str:
        return completion.raw.removeprefix(engine.thought_format.prefill(True))

    def test_a_prompt_is_counted_and_more_of_it_counts_more(self, engine: Engine) -> None:
        counts = [
            engine.count_prompt_tokens(ask(text).messages, True) for text in ("a", "a b", "a b c d")
        ]
        assert 0 < counts[0] < counts[1] < counts[2] < engine.context_length

    def test_base_and_versions_answer_in_one_call(
        self, engine: Engine, adapter: Callable[[int], Path]
    ) -> None:
        engine.publish("v-2", adapter(2))
        engine.publish("v-4", adapter(4))
        policies = [Policy("v-2"), BASE, Policy("v-4"), Policy("v-2")]
        outcomes = complete(engine, [ask("a", policy=policy) for policy in policies])
        assert [type(outcome) for outcome in outcomes] == [Completion] * 4

    def test_two_calls_at_once_get_their_own_answers(self, engine: Engine) -> None:
        first, second = engine.stream([ask("one")]), engine.stream([ask("two")] * 2)
        opened = [next(first), next(second)]
        ends = [
            [event for event in (head, *rest) if not isinstance(event, Delta)]
            for head, rest in zip(opened, (first, second), strict=True)
        ]
        assert [len(of_call) for of_call in ends] == [1, 2]

    def test_the_same_request_gives_the_same_answer(self, engine: Engine) -> None:
        first, second, again = complete(engine, [ask("same", seed=7)] * 2 + [ask("same", seed=7)])
        assert isinstance(first, Completion)
        assert isinstance(second, Completion)
        assert isinstance(again, Completion)
        assert first.raw == second.raw == again.raw

    def test_closing_early_leaves_the_engine_usable(self, engine: Engine) -> None:
        events = engine.stream([ask("long", max_tokens=200)] * 3)
        next(events)
        events.close()
        assert isinstance(complete(engine, [ask("next")])[0], Completion)

    def test_a_context_too_long_fails_alone(self, engine: Engine) -> None:
        outcomes = complete(engine, [ask("short"), ask("word " * 2000), ask("short")])
        assert isinstance(outcomes[1], ContextTooLong)
        assert f"{engine.context_length:,}" in str(outcomes[1])
        assert isinstance(outcomes[0], Completion)
        assert isinstance(outcomes[2], Completion)

    def test_a_missing_policy_fails_alone(self, engine: Engine) -> None:
        outcomes = complete(engine, [ask("a", policy=Policy("nobody")), ask("b")])
        assert isinstance(outcomes[0], PolicyMissing)
        assert "nobody" in str(outcomes[0])
        assert isinstance(outcomes[1], Completion)

    def test_a_published_version_answers_until_it_is_retired(
        self, engine: Engine, adapter: Callable[[int], Path]
    ) -> None:
        engine.publish("v-1", adapter(1))
        assert engine.published() == {"v-1"}
        assert isinstance(complete(engine, [ask("a", policy=Policy("v-1"))])[0], Completion)
        engine.retire("v-1")
        assert engine.published() == frozenset()
        assert isinstance(complete(engine, [ask("a", policy=Policy("v-1"))])[0], PolicyMissing)

    def test_a_name_never_stands_for_another_folder(
        self, engine: Engine, adapter: Callable[[int], Path]
    ) -> None:
        engine.publish("once", adapter(1))
        with pytest.raises(AdapterRejected, match="once"):
            engine.publish("once", adapter(1))
        engine.retire("once")
        with pytest.raises(AdapterRejected, match="once"):
            engine.publish("once", adapter(2))

    def test_a_retired_version_is_published_again_from_its_own_folder(
        self, engine: Engine, adapter: Callable[[int], Path]
    ) -> None:
        folder = adapter(1)
        engine.publish("back", folder)
        engine.retire("back")
        engine.publish("back", folder)
        assert "back" in engine.published()
        assert isinstance(complete(engine, [ask("a", policy=Policy("back"))])[0], Completion)

    def test_a_version_that_is_still_retiring_comes_back_without_a_gap(
        self, engine: Engine, adapter: Callable[[int], Path]
    ) -> None:
        folder = adapter(1)
        engine.publish("wanted", folder)
        with engine.pin(Policy("wanted")):
            engine.retire("wanted")
            engine.publish("wanted", folder)
        assert "wanted" in engine.published()
        assert isinstance(complete(engine, [ask("a", policy=Policy("wanted"))])[0], Completion)

    def test_a_pinned_version_outlives_its_retirement(
        self, engine: Engine, adapter: Callable[[int], Path]
    ) -> None:
        engine.publish("kept", adapter(1))
        with engine.pin(Policy("kept")):
            engine.retire("kept")
            assert isinstance(complete(engine, [ask("a", policy=Policy("kept"))])[0], Completion)
            with pytest.raises(PolicyMissing), engine.pin(Policy("kept")):
                pass
        assert isinstance(complete(engine, [ask("a", policy=Policy("kept"))])[0], PolicyMissing)

    def test_a_broken_adapter_is_rejected_and_the_engine_serves_on(
        self, engine: Engine, adapter: Callable[[int], Path], tmp_path: Path
    ) -> None:
        with pytest.raises(AdapterRejected):
            engine.publish("broken", tmp_path)
        assert engine.published() == frozenset()
        engine.publish("broken", adapter(1))
        assert isinstance(complete(engine, [ask("a", policy=Policy("broken"))])[0], Completion)

    def test_a_closed_engine_says_so(self, engine: Engine) -> None:
        engine.close()
        with pytest.raises(EngineUnavailable):
            next(engine.stream([ask("a")]))

    def test_closing_fails_what_is_pending(self, engine: Engine) -> None:
        events = engine.stream([ask("long", max_tokens=200)] * 2)
        next(events)
        engine.close()
        ends = [event for event in events if not isinstance(event, Delta)]
        assert [type(end) for end in ends] == [Failed, Failed]
        assert all(
            isinstance(end.error, EngineUnavailable) for end in ends if isinstance(end, Failed)
        )
