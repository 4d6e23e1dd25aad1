"""Thought format and end of turn are read off what a template renders, and used alike everywhere."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from troublesome import ENDS, TEMPLATES, write_model

from ptrapp.core.dialogue import build_messages, prompt_ids
from ptrapp.core.errors import ModelUnusable
from ptrapp.core.settings import Settings
from ptrapp.core.thoughts import GENERIC, THINK, ThoughtFormat, split, split_partial
from ptrapp.core.types import Completion, Message, MessageRole, Sampling, Split
from ptrapp.engines.base import Request, complete
from ptrapp.engines.local.engine import LocalEngine
from ptrapp.engines.local.loading import choose_format, load_model
from ptrapp.engines.remote import folder
from ptrapp.recipes.training import Precision
from training.data.encode import completion_ids, encode_pairs
from training.data.examples import PairExample, Target
from training.policy.model import load_base

pytestmark = pytest.mark.training
ASK = (Message(MessageRole.USER, "How many legs has a spider?"),)


def format_of(path: str) -> ThoughtFormat:
    return choose_format("auto", load_model(path, "cpu").tokenizer)


@pytest.mark.parametrize(
    ("kind", "name", "thinking", "direct"),
    [
        ("chatml", "generic", "", ""),
        ("default", "generic", "", ""),
        ("mentions", "generic", "", ""),
        ("switch", "think", "", "<think>\n\n</think>\n\n"),
        ("always", "think", "<think>\n", "<think>\n"),
        ("gemma", "generic", "", ""),
    ],
)
def test_a_format_is_what_the_generation_prompt_holds(
    kind: str, name: str, thinking: str, direct: str, model_of: Callable[[str], str]
) -> None:
    fmt = format_of(model_of(kind))
    assert (fmt.name, fmt.prefill_thinking, fmt.prefill_direct) == (name, thinking, direct)


def test_where_thoughts_are_always_opened_an_answer_begins_behind_the_marker(
    model_of: Callable[[str], str],
) -> None:
    fmt = format_of(model_of("always"))
    for thinking in (True, False):
        raw = f"{fmt.prefill(thinking)}Eight, I think.\n</think>\n\nEight."
        assert parts_of(raw, fmt, thinking) == ("Eight, I think.", "Eight.")
        assert split_partial(raw[:20], fmt, thinking).response == ""


def test_an_answer_without_a_marker_is_shown_where_the_model_opens_thoughts_itself(
    model_of: Callable[[str], str],
) -> None:
    fmt = format_of(model_of("switch"))
    assert split("A spider has eight legs.", fmt, True) == Split(
        "", "A spider has eight legs.", False
    )
    assert parts_of("<think>Eight.</think>8.", fmt, True) == ("Eight.", "8.")
    assert split_partial("<thi", fmt, True).response == ""


def test_a_model_that_thinks_unasked_is_read_as_it_wrote() -> None:
    assert split("<think>Eight.</think>8.", GENERIC, True) == Split("Eight.", "8.", True)


@pytest.mark.parametrize("kind", ["switch", "always"])
@pytest.mark.parametrize(
    "raw", ["<think>two\n</think>\n\n4", "two\n</think>\n\n4", "<think>\ntwo</think>4"]
)
def test_foreign_thoughts_are_learnt_with_one_opening_marker(
    kind: str, raw: str, model_of: Callable[[str], str]
) -> None:
    base = load_base(Settings(model=model_of(kind), device="cpu"), Precision.AUTO)
    parts = split(raw, THINK, True)
    text = base.thought_format.write(parts.thought, parts.response)
    learnt = whole_text(base, text, thinking=True)
    assert learnt.count("<think>") == learnt.count("</think>") == 1
    answer = learnt.rpartition("assistant\n")[2].removesuffix("<|im_end|>")
    assert parts_of(answer, THINK, True) == ("two", "4")


@pytest.mark.parametrize("kind", ["switch", "always"])
def test_a_direct_answer_is_learnt_behind_a_closed_thought(
    kind: str, model_of: Callable[[str], str]
) -> None:
    base = load_base(Settings(model=model_of(kind), device="cpu"), Precision.AUTO)
    learnt = whole_text(base, base.thought_format.write("", "Eight."), thinking=False)
    assert learnt.endswith("<think>\n\n</think>\n\nEight.<|im_end|>")
    assert learnt.count("<think>") == 1


@pytest.mark.parametrize("kind", TEMPLATES)
def test_what_ends_a_turn_is_learnt_and_ends_serving(
    kind: str, model_of: Callable[[str], str]
) -> None:
    base = load_base(Settings(model=model_of(kind), device="cpu"), Precision.AUTO)
    end = base.tokenizer.convert_tokens_to_ids(ENDS.get(kind, "<|im_end|>"))
    target = Target("Eight.", None)
    assert completion_ids(base.tokenizer, GENERIC, [5], target, False)[-1] == end
    served = load_model(model_of(kind), "cpu")
    assert end in served.eos_ids
    assert served.tokenizer.convert_tokens_to_ids("<eos>") in served.eos_ids


@pytest.mark.parametrize("system", [None, "Be kind."])
@pytest.mark.parametrize("kind", ["chatml", "default"])
def test_the_next_turn_reads_the_tokens_that_were_learnt(
    kind: str, system: str | None, model_of: Callable[[str], str]
) -> None:
    base = load_base(Settings(model=model_of(kind), device="cpu"), Precision.AUTO)
    asked = ((Message(MessageRole.SYSTEM, system),) if system else ()) + ASK
    prompt = prompt_ids(base.tokenizer, asked, False)
    answer = Target(base.thought_format.write("", "Eight."), None)
    learnt = [*prompt, *completion_ids(base.tokenizer, base.thought_format, prompt, answer, False)]
    then = (Message(MessageRole.ASSISTANT, "Eight."), Message(MessageRole.USER, "And an ant?"))
    assert prompt_ids(base.tokenizer, (*asked, *then), False)[: len(learnt)] == learnt
    told = system or ("You are helpful." if kind == "default" else "")
    text = base.tokenizer.decode(prompt, skip_special_tokens=False)
    assert text.count("system") == (1 if told else 0)
    assert told in text


def test_a_tokenizer_without_an_end_trains_with_the_templates(tmp_path: Path) -> None:
    folder = str(write_model(tmp_path / "noeos", "chatml", eos=None))
    base = load_base(Settings(model=folder, device="cpu"), Precision.AUTO)
    end = base.tokenizer.convert_tokens_to_ids("<|im_end|>")
    pair = PairExample(ASK, False, Target("Eight.", None), Target("Six.", None), (1,))
    (encoded,) = encode_pairs(base.tokenizer, GENERIC, [pair], 512, Counter(), max_pairs=1)
    assert {completion.token_ids[-1] for completion in encoded.completions} == {end}
    assert load_model(folder, "cpu").eos_ids == {end}


def test_tokens_without_an_embedding_refuse_the_folder(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "small", "chatml", n_embeddings=500)
    with pytest.raises(ModelUnusable, match=r"beyond the model's 500 embeddings"):
        load_model(str(folder), "cpu")


def test_a_conversation_that_the_template_refuses_is_left_out_and_counted(
    model_of: Callable[[str], str],
) -> None:
    base = load_base(Settings(model=model_of("gemma"), device="cpu"), Precision.AUTO)
    refused = (ASK[0], *ASK)  # two questions in a row
    pairs = [
        PairExample(messages, False, Target("Eight.", None), Target("Six.", None), (n,))
        for n, messages in enumerate((ASK, refused))
    ]
    dropped = Counter[str]()
    encoded = encode_pairs(base.tokenizer, GENERIC, pairs, 512, dropped, max_pairs=1)
    assert len(encoded) == 1
    (reason,) = dropped
    assert dropped[reason] == 1
    assert "Conversation roles must alternate" in reason


@pytest.mark.parametrize("kind", TEMPLATES)
def test_training_reads_the_prompt_that_was_served(
    kind: str, model_of: Callable[[str], str]
) -> None:
    base = load_base(Settings(model=model_of(kind), device="cpu"), Precision.AUTO)
    engine = LocalEngine(model_of(kind), device="cpu", threads=1)
    try:
        for thinking in (True, False):
            messages = build_messages(
                "How many?", [], base.thought_format, thinking, system="Be kind."
            )
            request = Request(messages, thinking, Sampling(max_tokens=8, seed=1))
            (written,) = complete(engine, [request])
            assert isinstance(written, Completion)
            assert list(engine._row(request).prompt) == prompt_ids(
                base.tokenizer, messages, thinking
            )
            assert engine.thought_format == base.thought_format
    finally:
        engine.close()


def parts_of(raw: str, fmt: ThoughtFormat, thinking: bool) -> tuple[str, str]:
    parts = split(raw, fmt, thinking)
    return parts.thought, parts.response


def whole_text(base: object, raw: str, *, thinking: bool) -> str:
    tokenizer, fmt = base.tokenizer, base.thought_format  # type: ignore[attr-defined]
    prompt = prompt_ids(tokenizer, ASK, thinking)
    ids = completion_ids(tokenizer, fmt, prompt, Target(raw, None), thinking)
    return str(tokenizer.decode([*prompt, *ids], skip_special_tokens=False))


@pytest.mark.parametrize("kind", TEMPLATES)
def test_a_server_of_the_same_folder_has_the_same_format(
    kind: str, model_of: Callable[[str], str]
) -> None:
    served = folder.choose_format("auto", model_of(kind), reasons=False)
    assert served == format_of(model_of(kind))


def test_without_a_template_a_server_that_sends_thoughts_apart_has_a_thinking_model(
    tmp_path: Path,
) -> None:
    assert folder.choose_format("auto", str(tmp_path), reasons=False) is GENERIC
    assert folder.choose_format("auto", str(tmp_path), reasons=True).name == "think"
