import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from engine_contract import EngineContract, ask
from shifting_adapters import shifts
from tokenizers.processors import TemplateProcessing
from transformers import AutoModelForCausalLM, AutoTokenizer

from ptrapp.core.dialogue import REFINE_INSTRUCTION, build_messages
from ptrapp.core.errors import AdapterRejected, ModelUnusable, PolicyMissing
from ptrapp.core.thoughts import GENERIC
from ptrapp.core.types import Completion, FinishReason, Message, MessageRole, Policy, Turn
from ptrapp.engines.base import Delta, Finished, Request, complete
from ptrapp.engines.local.engine import LocalEngine
from ptrapp.engines.local.loading import load_model
from ptrapp.engines.plain_chat import ensure_template


class TestLocalEngine(EngineContract):
    pass


def answers(engine: LocalEngine, requests: list[Request]) -> list[Completion]:
    outcomes = complete(engine, requests)
    assert all(isinstance(outcome, Completion) for outcome in outcomes), outcomes
    return [outcome for outcome in outcomes if isinstance(outcome, Completion)]


RAGGED = ["hi", "a longer question than that", "x " * 90, "What is 12 + 30?", "hi", ""]


def test_greedy_equals_generate_for_ragged_prompts(
    engine: LocalEngine, random_model_dir: Path
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(random_model_dir)
    model = AutoModelForCausalLM.from_pretrained(random_model_dir)
    written = answers(engine, [ask(text, temperature=0.0, max_tokens=30) for text in RAGGED])
    for text, completion in zip(RAGGED, written, strict=True):
        ids = tokenizer.apply_chat_template(
            [{"role": "user", "content": text}],
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=False,
        )
        expected = model.generate(ids, do_sample=False, max_new_tokens=30)[0, ids.shape[1] :]
        assert list(completion.token_ids) == expected.tolist()


def test_a_seed_gives_the_same_text_alone_and_in_a_batch(engine: LocalEngine) -> None:
    requests = [ask(RAGGED[n % 3], seed=n, max_tokens=40) for n in range(8)]
    together = answers(engine, requests)
    alone = [answers(engine, [request])[0] for request in requests]
    assert [one.token_ids for one in together] == [one.token_ids for one in alone]
    assert len({one.token_ids for one in together}) == 8


def test_logprob_sum_is_that_of_a_full_forward(engine: LocalEngine, random_model_dir: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(random_model_dir)
    model = AutoModelForCausalLM.from_pretrained(random_model_dir)
    for text, completion in zip(
        RAGGED, answers(engine, [ask(t, seed=5) for t in RAGGED]), strict=True
    ):
        prompt = tokenizer.apply_chat_template(
            [{"role": "user", "content": text}], add_generation_prompt=True, return_dict=False
        )
        ids = torch.tensor([prompt + list(completion.token_ids)])
        with torch.no_grad():
            logps = model(ids).logits[0].log_softmax(-1)
        n = len(completion.token_ids)
        expected = logps[-n - 1 : -1].gather(1, ids[0, -n:, None]).sum()
        assert completion.logprob_sum == pytest.approx(float(expected), abs=1e-4)


def test_logps_are_those_of_a_full_forward_token_by_token(engine: LocalEngine) -> None:
    requests = [replace(ask(text, seed=6), logps=True) for text in RAGGED]
    for request, completion in zip(requests, answers(engine, requests), strict=True):
        prompt = engine._encode(request.messages, request.thinking)
        ids = torch.tensor([prompt + list(completion.token_ids)])
        with torch.no_grad():
            logps = engine._loaded.model(ids).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
        expected = logps.gather(1, ids[0, len(prompt) :, None])[:, 0].tolist()
        assert list(completion.logps) == pytest.approx(expected, abs=1e-4)


def test_a_job_of_many_rows_gives_what_each_row_gives_alone(engine: LocalEngine) -> None:
    requests = [ask(f"{'w ' * (n % 7)}question {n}", seed=n, max_tokens=6) for n in range(150)]
    together = answers(engine, requests)
    for n in (0, 63, 64, 149):
        assert together[n].token_ids == answers(engine, [requests[n]])[0].token_ids


def test_max_tokens_is_clipped_to_the_room_in_the_context(engine: LocalEngine) -> None:
    request = ask("x " * 200, max_tokens=10_000, temperature=0.0)
    n_prompt = engine.count_prompt_tokens(request.messages, request.thinking)
    (completion,) = answers(engine, [request])
    assert completion.finish_reason in set(FinishReason)
    assert n_prompt + len(completion.token_ids) <= engine.context_length


def test_raw_begins_with_the_marker_the_template_wrote(engine: LocalEngine) -> None:
    thinking, direct = answers(engine, [ask("a"), ask("a", thinking=False)])
    assert thinking.raw.startswith("<T>")
    assert direct.raw.startswith("<R>")
    assert direct.split.thought == ""
    assert direct.n_thought_tokens == 0


def test_cancelled_rows_leave_at_once(engine: LocalEngine) -> None:
    events = engine.stream([ask("x " * 50, max_tokens=400, seed=n) for n in range(60)])
    next(events)
    cancelled = time.monotonic()
    events.close()
    answers(engine, [ask("hi", max_tokens=1)])
    assert time.monotonic() - cancelled < 0.5


def test_one_message_that_fails_does_not_end_the_engine(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(engine._model_thread, "_unload", lambda name: 1 / 0)
        engine._model_thread.unload("whatever")
        answered = complete(engine, [ask("a", max_tokens=4)])

    assert isinstance(answered[0], Completion)
    assert "a message to the engine failed" in caplog.text


def test_a_small_request_does_not_wait_for_a_big_job(engine: LocalEngine) -> None:
    big = engine.stream([ask("x " * 50, max_tokens=300, seed=n) for n in range(150)])
    next(big)
    started = time.monotonic()
    answers(engine, [ask("hi", max_tokens=20)])
    small_s = time.monotonic() - started
    finished = 0
    while finished < 150 and time.monotonic() - started < small_s * 2:
        finished += isinstance(next(big), Finished)
    big.close()
    assert finished < 150


def test_a_version_writes_its_own_tokens_and_the_base_is_what_it_was(
    engine: LocalEngine, adapter: Callable[[int], Path]
) -> None:
    n_vocabulary = engine._loaded.model.config.vocab_size
    before = answers(engine, [ask("hi", seed=1)])[0]
    engine.publish("four", adapter(4))
    engine.publish("eight", adapter(8))
    four, base, eight = answers(
        engine,
        [
            ask("hi", seed=1, policy=Policy("four")),
            ask("hi", seed=1),
            ask("hi", seed=1, policy=Policy("eight")),
        ],
    )
    assert shifts(four.token_ids, n_vocabulary) == {4}
    assert shifts(eight.token_ids, n_vocabulary) == {8}
    assert base.token_ids == before.token_ids


def test_each_answer_comes_from_one_version_while_versions_come_and_go(
    engine: LocalEngine, adapter: Callable[[int], Path]
) -> None:
    """Sixteen people ask all the time; every answer is the one its version gives when asked alone."""
    expected: dict[str, list[tuple[int, ...]]] = {}
    mixed: list[tuple[str, int]] = []
    n_answers = [0] * 16
    stop = threading.Event()

    def questions(name: str) -> list[Request]:
        return [ask(f"question {n}", seed=n, policy=Policy(name)) for n in range(16)]

    def person(number: int) -> None:
        while not stop.is_set():
            name = max(expected)
            try:
                with engine.pin(Policy(name)):
                    (completion,) = answers(engine, [questions(name)[number]])
            except PolicyMissing:
                continue  # retired between the two lines above
            n_answers[number] += 1
            if completion.token_ids != expected[name][number]:
                mixed.append((name, number))

    people = [threading.Thread(target=person, args=(number,)) for number in range(16)]
    for version in range(1, 5):
        name = f"v{version}"
        engine.publish(name, adapter(2 * version))
        expected[name] = [one.token_ids for one in answers(engine, questions(name))]
        if version == 1:
            for thread in people:
                thread.start()
        else:
            engine.retire(f"v{version - 1}")
        time.sleep(0.1)
    stop.set()
    for thread in people:
        thread.join()
    assert mixed == []
    assert min(n_answers) > 0
    distinct = [set(texts) for texts in expected.values()]
    assert len(set.union(*distinct)) == sum(map(len, distinct))
    answers(engine, [ask("hi")])
    assert list(engine._model_thread._adapters._inner) == ["v4"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"r": 8}, "does not fit"),
        ({"target_modules": ["nothing_like_it"]}, "does not fit"),
        ({"bias": "all"}, "bias"),
        ({"use_dora": True}, "use_dora"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"peft_type": "IA3"}, "LoRA only"),
        ({"peft_type": "NONSENSE"}, "cannot be read"),
    ],
)
def test_an_adapter_that_is_no_plain_lora_of_this_model_is_rejected(
    engine: LocalEngine, adapter: Callable[[int], Path], change: dict[str, object], reason: str
) -> None:
    good, folder = adapter(6), adapter(4)
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    (folder / "adapter_config.json").write_text(json.dumps(config | change), encoding="utf-8")
    before = answers(engine, [ask("hi", seed=1)])[0]
    with pytest.raises(AdapterRejected, match=reason):
        engine.publish("bad", folder)
    assert answers(engine, [ask("hi", seed=1)])[0].token_ids == before.token_ids
    engine.publish("good", good)
    seen = answers(engine, [ask("hi", policy=Policy("good"))])[0].token_ids
    assert shifts(seen, engine._loaded.model.config.vocab_size) == {6}


def test_pickled_or_truncated_adapter_weights_are_rejected(
    engine: LocalEngine, adapter: Callable[[int], Path]
) -> None:
    weights = adapter(2) / "adapter_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AdapterRejected, match="cannot be read"):
        engine.publish("half", adapter(2))
    weights.rename(weights.with_name("adapter_model.bin"))
    with pytest.raises(AdapterRejected, match="pickle"):
        engine.publish("pickle", adapter(2))


def test_an_adapter_that_answers_nan_is_rejected(
    engine: LocalEngine, adapter: Callable[[int], Path]
) -> None:
    from safetensors.torch import load_file, save_file

    weights = adapter(2) / "adapter_model.safetensors"
    save_file({name: tensor * float("nan") for name, tensor in load_file(weights).items()}, weights)
    with pytest.raises(AdapterRejected, match="NaN"):
        engine.publish("nan", adapter(2))
    answers(engine, [ask("hi")])


def test_deltas_hold_back_half_characters(engine: LocalEngine) -> None:
    for event in engine.stream([ask("hi", seed=n, max_tokens=60) for n in range(4)]):
        if isinstance(event, Delta):
            assert (
                not event.split.thought.endswith("\N{REPLACEMENT CHARACTER}") or event.n_tokens > 1
            )


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda folder: shutil.rmtree(folder), "no model folder"),
        (lambda folder: (folder / "config.json").unlink(), "config.json"),
        (
            lambda folder: (folder / "config.json").write_text("{", encoding="utf-8"),
            "could not be loaded",
        ),
        (
            lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
            "pickle",
        ),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"12"), "could not be loaded"),
    ],
)
def test_an_unusable_model_is_refused_in_one_sentence(
    random_model_dir: Path, tmp_path: Path, spoil: Callable[[Path], object], reason: str
) -> None:
    folder = shutil.copytree(random_model_dir, tmp_path / "model")
    spoil(folder)
    with pytest.raises(ModelUnusable, match=reason):
        LocalEngine(str(folder), device="cpu")


@pytest.fixture
def plain(random_model_dir: Path, tmp_path: Path, one_thread: None) -> Iterator[LocalEngine]:
    """The random model without its chat template, as base models come."""
    folder = shutil.copytree(random_model_dir, tmp_path / "plain")
    (folder / "chat_template.jinja").unlink()
    opened = LocalEngine(str(folder), device="cpu", threads=1)
    yield opened
    opened.close()


def test_a_model_without_a_chat_template_is_asked_in_plain_text(
    plain: LocalEngine, caplog: pytest.LogCaptureFixture
) -> None:
    turn = Turn("", "41", " 41\n")
    messages = build_messages("What is 12 + 30?", [turn], GENERIC, False, system="Be brief.")
    assert plain._decode(plain._encode(messages, False)) == (
        "Be brief.\n\nQuestion: What is 12 + 30?\nAnswer: 41\n\n"
        f"Question: {REFINE_INSTRUCTION}\nAnswer:"
    )
    assert plain.thought_format == GENERIC
    warnings = [
        one.getMessage() for one in caplog.get_records("setup") if one.levelname == "WARNING"
    ]
    assert any("no chat template" in warning for warning in warnings)
    assert any("no chat template" in sentence for sentence in plain.about)
    answers(plain, [ask("hi")])


def test_a_text_begins_as_the_tokenizer_begins_it_when_there_is_no_template(
    plain: LocalEngine,
) -> None:
    tokenizer = plain._loaded.tokenizer
    tokenizer.chat_template = None
    tokenizer.bos_token = tokenizer.eos_token
    tokenizer._tokenizer.post_processor = TemplateProcessing(  # type: ignore[attr-defined]
        single="<b> $A", special_tokens=[("<b>", tokenizer.bos_token_id)]
    )
    ensure_template(tokenizer)
    ids = plain._encode([Message(MessageRole.USER, "hi")], False)
    assert ids == tokenizer("Question: hi\nAnswer:")["input_ids"]
    assert ids.count(tokenizer.bos_token_id) == 1


def test_a_model_without_a_chat_template_stops_before_it_asks_itself_a_question(
    plain: LocalEngine,
) -> None:
    assert "\nQuestion:" in plain._loaded.stop
    (free,) = answers(plain, [ask("hi", seed=3)])
    middle = free.raw[len(free.raw) // 2 :][:5]
    plain._loaded = replace(plain._loaded, stop=(middle,))
    (cut,) = answers(plain, [ask("hi", seed=3)])
    assert cut.raw == free.raw[: free.raw.index(middle)]
    own = replace(ask("hi", seed=3).sampling, stop=(free.raw[2:6],))
    (cut,) = answers(plain, [replace(ask("hi", seed=3), sampling=own)])
    assert cut.raw == free.raw[: free.raw.index(free.raw[2:6])]


def test_all_weights_trained_and_saved_with_the_plain_template_stop_as_before(
    plain: LocalEngine, tmp_path: Path
) -> None:
    plain._loaded.model.save_pretrained(tmp_path / "trained")
    plain._loaded.tokenizer.save_pretrained(tmp_path / "trained")
    again = load_model(str(tmp_path / "trained"), "cpu")
    assert again.tokenizer.chat_template == plain._loaded.tokenizer.chat_template
    assert again.stop == plain._loaded.stop != ()


def test_a_hub_id_without_a_connection_is_refused_in_one_sentence() -> None:
    with pytest.raises(ModelUnusable, match="somebody/no-such-model"):
        LocalEngine("somebody/no-such-model", device="cpu")


def test_a_sliding_window_model_is_decoded_a_row_at_a_time(
    random_model_dir: Path, tmp_path: Path
) -> None:
    from transformers import MistralConfig, MistralForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(random_model_dir)
    torch.manual_seed(1)
    config = MistralConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, head_dim=32, sliding_window=16,
        max_position_embeddings=256, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )  # fmt: skip
    model = MistralForCausalLM(config).eval()
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    engine = LocalEngine(str(tmp_path), device="cpu", threads=1)
    written = answers(engine, [ask(text, temperature=0.0, max_tokens=20) for text in RAGGED[1:4]])
    engine.close()
    assert not engine._loaded.batched
    for text, completion in zip(RAGGED[1:4], written, strict=True):
        ids = tokenizer.apply_chat_template(
            [{"role": "user", "content": text}],
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=False,
        )
        expected = model.generate(ids, do_sample=False, max_new_tokens=20)[0, ids.shape[1] :]
        assert list(completion.token_ids) == expected.tolist()
