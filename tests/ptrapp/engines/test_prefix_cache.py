"""A round reuses the KV of the round before; its text is the same as without."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from engine_contract import ask
from peft import LoraConfig, get_peft_model
from shifting_adapters import shifts
from transformers import AutoModelForCausalLM

from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import BASE, Completion, Policy, Sampling
from ptrapp.engines.base import complete
from ptrapp.engines.local.decoding import ChunkSize
from ptrapp.engines.local.engine import LocalEngine
from ptrapp.engines.local.kv import Kv
from ptrapp.engines.local.prefix_cache import MIN_TOKENS, PrefixCache
from ptrapp.refinement.loop import refine_many
from ptrapp.refinement.options import RefineOptions

PROMPTS = ["What is 12 + 30?", "a much longer question than the others are " * 2, "x " * 20, "hi"]


def kv_of(n_tokens: int) -> Kv:
    """One layer with one head: 8 bytes a token."""
    return Kv(((torch.arange(n_tokens).float().view(1, 1, -1, 1),) * 2,))


def ids(n_tokens: int, *others: int) -> list[int]:
    return [*range(100, 100 + n_tokens), *others]


def rounds(engine: LocalEngine, policy: Policy = BASE, **sampling: float) -> list[tuple[int, ...]]:
    drawn = Sampling(max_tokens=24, max_thought_tokens=24, **sampling)  # type: ignore[arg-type]
    written = refine_many(engine, PROMPTS, 3, RefineOptions(Thinking.ALWAYS, drawn, policy))
    flat = [outcome for outcomes in written for outcome in outcomes]
    assert all(isinstance(outcome, Completion) for outcome in flat), flat
    return [one.token_ids for one in flat if isinstance(one, Completion)]


def prefix_cache(engine: LocalEngine) -> PrefixCache:
    return engine._model_thread._context.prefix_cache


def without_reuse(engine: LocalEngine) -> None:
    engine._model_thread._context.prefix_cache = PrefixCache(max_bytes=0)


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_rounds_are_the_same_with_and_without_reuse(
    engine: LocalEngine, temperature: float
) -> None:
    reused = rounds(engine, temperature=temperature)
    assert prefix_cache(engine).n_reused > 8 * MIN_TOKENS
    without_reuse(engine)
    assert reused == rounds(engine, temperature=temperature)
    assert prefix_cache(engine).n_reused == 0


def test_logps_after_reuse_are_those_of_a_full_forward(engine: LocalEngine) -> None:
    reused = engine_logps(engine)
    assert prefix_cache(engine).n_reused > 0
    without_reuse(engine)
    assert reused == pytest.approx(engine_logps(engine), abs=1e-4)


def engine_logps(engine: LocalEngine) -> list[float]:
    sums = []
    for _ in range(2):
        for outcome in complete(engine, [ask(text, seed=4) for text in PROMPTS]):
            assert isinstance(outcome, Completion)
            sums.append(outcome.logprob_sum)
    return sums


def test_prompts_read_in_many_chunks_give_the_same(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = rounds(engine, temperature=0.0)
    prefix_cache(engine).clear()
    monkeypatch.setattr(ChunkSize, "MIN_TOKENS", 7)
    monkeypatch.setattr(ChunkSize, "MAX_TOKENS", 7)
    engine._model_thread._context.chunk_size.n_tokens = 7
    assert rounds(engine, temperature=0.0) == whole


def test_the_cache_of_one_version_is_never_used_by_another(
    engine: LocalEngine, adapter: Callable[[int], Path]
) -> None:
    n_vocabulary = engine._loaded.model.config.vocab_size
    base = rounds(engine, temperature=0.0)
    for name, shift in (("four", 4), ("eight", 8)):
        engine.publish(name, adapter(shift))
        before = prefix_cache(engine).n_reused
        (first,) = complete(engine, [ask(PROMPTS[1], policy=Policy(name), temperature=0.0)])
        assert (
            prefix_cache(engine).n_reused == before
        )  # the base and the version before left the same
        assert isinstance(first, Completion)
        assert shifts(first.token_ids, n_vocabulary) == {shift}
        mine = rounds(engine, Policy(name), temperature=0.0)
        assert prefix_cache(engine).n_reused > before
        fresh = prefix_cache(engine)
        without_reuse(engine)
        assert mine == rounds(engine, Policy(name), temperature=0.0)
        engine._model_thread._context.prefix_cache = fresh
    assert rounds(engine, temperature=0.0) == base


def write_kv_adapter(folder: Path, model_dir: Path, seed: int) -> Path:
    """A strong random LoRA on keys and values: another version's cache is seen in the answer."""
    torch.manual_seed(seed)
    config = LoraConfig(
        r=4, lora_alpha=64, target_modules=["k_proj", "v_proj"], init_lora_weights=False
    )
    model = AutoModelForCausalLM.from_pretrained(model_dir)
    get_peft_model(model, config).save_pretrained(folder)
    return folder


def test_versions_that_change_the_cache_write_what_they_write_without_reuse(
    engine: LocalEngine, random_model_dir: Path, tmp_path: Path
) -> None:
    policies = [Policy(), Policy("one"), Policy("two")]
    for number, policy in enumerate(policies[1:]):
        folder = write_kv_adapter(tmp_path / policy.label, random_model_dir, number)
        engine.publish(policy.label, folder)
    prompts = ["What is 12 + 30? " * 3, "another question altogether"]
    reused: dict[Policy, list[tuple[int, ...]]] = {policy: [] for policy in policies}
    for text in prompts:
        for policy in [*policies, *policies]:  # one after the other, then over again
            reused[policy] += [one.token_ids for one in two_rounds(engine, text, policy)]
    assert prefix_cache(engine).n_reused > 0
    without_reuse(engine)
    for policy in policies:
        fresh = [one.token_ids for text in prompts for one in two_rounds(engine, text, policy)]
        twice = [*fresh[:2] * 2, *fresh[2:] * 2]
        assert reused[policy] == twice, policy.label
    assert len({tuple(map(tuple, written)) for written in reused.values()}) == 3


def two_rounds(engine: LocalEngine, text: str, policy: Policy) -> list[Completion]:
    drawn = Sampling(temperature=0.0, max_tokens=24)
    (outcomes,) = refine_many(engine, [text], 2, RefineOptions(Thinking.ALWAYS, drawn, policy))
    return [one for one in outcomes if isinstance(one, Completion)]


def test_a_retired_version_leaves_no_entry(
    engine: LocalEngine, adapter: Callable[[int], Path]
) -> None:
    engine.publish("four", adapter(4))
    rounds(engine, Policy("four"))
    assert len(prefix_cache(engine)) > 0
    engine.retire("four")
    rounds(engine)
    assert {key.adapter for key in prefix_cache(engine)._entries} == {None}


def test_the_longest_common_prefix_is_found_but_never_the_whole_prompt() -> None:
    known = PrefixCache()
    known.store(None, ids(30, 1, 2, 3), kv_of(33))
    known.store(None, ids(30, 1, 2, 4), kv_of(33))
    found = known.find(None, ids(30, 1, 2, 4, 5))
    assert found is not None
    assert found.n_tokens == 33
    whole = known.find(None, ids(30, 1, 2))
    assert whole is not None
    assert whole.n_tokens == 31
    assert known.find("other", ids(30, 1, 2)) is None
    assert known.find(None, ids(MIN_TOKENS - 1, 7, 7)) is None


def test_a_longer_continuation_replaces_its_prefix() -> None:
    known = PrefixCache()
    known.store(None, ids(20), kv_of(20))
    known.store("other", ids(20), kv_of(20))
    known.store(None, ids(30), kv_of(30))
    assert len(known) == 2
    assert known.n_bytes == 8 * 50


def test_the_least_recently_used_goes_when_memory_is_full() -> None:
    known = PrefixCache(max_bytes=8 * 60)
    for first in (1, 2, 3):
        known.store(None, [first] * 20, kv_of(20))
    assert known.find(None, [1] * 25) is not None
    known.store(None, [4] * 20, kv_of(20))
    assert [key.token_ids[0] for key in known._entries] == [3, 1, 4]
    known.store(None, [5] * 61, kv_of(61))  # larger than the limit: not stored at all
    assert len(known) == 3
    known.drop_adapter(None)
    assert known.n_bytes == 0
