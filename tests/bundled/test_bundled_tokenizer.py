from pathlib import Path

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from ptrapp.core.dialogue import REFINE_INSTRUCTION

QUESTION = "Tom has 12 apples. He buys 7 more. How many apples does Tom have now?"


@pytest.fixture(scope="module")
def tokenizer(
    tmp_path_factory: pytest.TempPathFactory, learned_tokenizer: PreTrainedTokenizerFast
) -> PreTrainedTokenizerFast:
    """The tokenizer as it comes back from its files."""
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    learned_tokenizer.save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  two  spaces\tand\n\nlines ",
        "Ünïcödé, 日本語, العربية, 🙂🏽‍♀️, \u200b\ufeff",
        "a<T>b<R> c <T> <R>",
        "x = 3.14e-5 if y_2 else [1, 2]\r\n",
        "\x00\x07\x7f",
        QUESTION,
    ],
)
def test_any_text_comes_back_as_it_was(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode(ids, skip_special_tokens=True) == text


def test_every_digit_is_a_token(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer.tokenize("2048+7=2055.") == [*"2048+7=2055."]
    assert tokenizer.tokenize(" 20 + 7")[:2] == ["Ġ2", "0"]


def test_words_of_the_problems_are_single_tokens(tokenizer: PreTrainedTokenizerFast) -> None:
    words = (
        QUESTION.replace("12", "").replace("7", "").replace(".", " .").replace("?", " ?").split()
    )
    assert len(tokenizer.tokenize(QUESTION)) == len(words) + len(["1", "2", "7"])


def test_only_roles_and_ends_are_special(tokenizer: PreTrainedTokenizerFast) -> None:
    ids = tokenizer("<|user|>a<|end|><|assistant|><T> b<R> c<|end|>")["input_ids"]
    assert tokenizer.decode(ids, skip_special_tokens=True) == "a<T> b<R> c"
    assert len(tokenizer("<T><R>")["input_ids"]) == 2
    assert tokenizer.eos_token == "<|end|>"
    assert tokenizer.pad_token_id != tokenizer.eos_token_id


def test_the_template_adds_nothing_to_the_messages(tokenizer: PreTrainedTokenizerFast) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "3*4?"},
        {"role": "assistant", "content": "<T> Around 10.<R> The answer is 12."},
        {"role": "user", "content": REFINE_INSTRUCTION},
    ]
    history = (
        "<|system|>Be brief.<|end|><|user|>3*4?<|end|>"
        "<|assistant|><T> Around 10.<R> The answer is 12.<|end|>"
        "<|user|>Check your answer and improve it.<|end|>"
    )

    def rendered(**options: bool) -> str:
        return tokenizer.apply_chat_template(messages, tokenize=False, **options)

    assert rendered() == history
    assert rendered(add_generation_prompt=True) == f"{history}<|assistant|><T>"
    assert rendered(add_generation_prompt=True, enable_thinking=True).endswith("<|assistant|><T>")
    assert rendered(add_generation_prompt=True, enable_thinking=False).endswith("<|assistant|><R>")


def test_a_later_prompt_begins_with_the_earlier_prompt_and_its_completion(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    messages = [{"role": "user", "content": QUESTION}]
    modes = (
        (False, "<R> The answer is 20."),
        (True, "<T> First, 12 + 7 = 19.<R> The answer is 19."),
    )
    for thinking, completion in modes:
        prompt = tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, enable_thinking=thinking, return_dict=False
        )
        sampled = tokenizer(completion[len("<T>") :])["input_ids"] + [tokenizer.eos_token_id]
        messages += [
            {"role": "assistant", "content": completion},
            {"role": "user", "content": REFINE_INSTRUCTION},
        ]
        later = tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_dict=False
        )
        assert later[: len(prompt) + len(sampled)] == prompt + sampled
