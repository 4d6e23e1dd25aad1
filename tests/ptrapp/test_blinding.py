"""What a model says of itself is masked; what it says of others stays."""

import pytest

from ptrapp.blinding import scrub

OURS = ("dpo-000012", "base", "my-llm-7b")


@pytest.mark.parametrize(
    ("claim", "shown"),
    [
        ("I am ChatGPT.", "I am ▢."),
        ("I'm Qwen2.5.", "I'm ▢."),
        ("I’m **ChatGPT**, a chatbot.", "I’m **▢**, a chatbot."),
        ("I'm Claude, made by Anthropic.", "I'm ▢, made by ▢."),
        ("I'm not ChatGPT, I'm Claude 3.5 Sonnet.", "I'm not ▢, I'm ▢."),
        ("Hi! My name is Qwen, created by Alibaba Cloud.", "Hi! My name is ▢, created by ▢."),
        ("As Gemini, I cannot see.", "As ▢, I cannot see."),
        ("As an AI model by OpenAI, I cannot.", "As an AI model by ▢, I cannot."),
        (
            "As a large language model trained on many books by OpenAI, well, I cannot.",
            "As a large language model trained on many books by ▢, well, I cannot.",
        ),
        (
            "I am a large language model, trained by Google.",
            "I am a large language model, trained by ▢.",
        ),
        (
            "I'm an assistant made with care by the firm Cohere.",
            "I'm an assistant made with care by the firm ▢.",
        ),
        ("I was created by OpenAI.", "I was created by ▢."),
        ("I am OpenAI's ChatGPT.", "I am ▢'s ▢."),
        ("I'm an AI based on GPT-4 here.", "I'm an AI based on ▢ here."),
        ("OpenAI trained me until 2021.", "▢ trained me until 2021."),
        ("My creators at Anthropic claim so.", "My creators at ▢ claim so."),
        ("You are talking to Llama 3.1, a model by Meta.", "You are talking to ▢, a model by ▢."),
        ("I'm the Gemini model.", "I'm the ▢ model."),
        ("I, Claude, will help.", "I, ▢, will help."),
        ("I'm my-llm-7b.", "I'm ▢."),
        ("I am DPO-000012? No: dpo-000012 it is.", "I am DPO-000012? No: ▢ it is."),
    ],
)
def test_the_name_alone_is_masked(claim: str, shown: str) -> None:
    assert scrub(claim, OURS) == shown


@pytest.mark.parametrize(
    "claim",
    [
        "Compare ChatGPT and Claude.",
        "ChatGPT was developed by OpenAI.",
        "I am using ChatGPT, and I work at OpenAI.",
        "I am a Google engineer and was at Google.",
        "I am a developer at Google.",
        "I am an AI researcher at OpenAI.",
        "I am Google's biggest fan.",
        "I'm a ChatGPT expert.",
        "I'm a Gemini, so I love to talk.",
        "I am Claude Monet, a painter.",
        "I am Claude's friend.",
        "I am in Alpaca country.",
        "As a falcon, I soar. I am pi.",
        "As Google announced, it is so.",
        "As Gemini and Claude show, it works.",
        "As an AI assistant, Claude can help.",
        "The meta model, as an assistant, is made by Google.",
        "I am the base of this; my base is base. I am base.",
        "Part dpo-000099 and dpo-0000123 are not ours.",
        "I was trained at the police academy.",
    ],
)
def test_a_mention_of_others_stays(claim: str) -> None:
    assert scrub(claim, OURS) == claim


def test_our_versions_are_masked_wherever_they_stand_and_only_when_they_are_ours() -> None:
    assert scrub("Ask dpo-000012.", OURS) == "Ask ▢."
    assert scrub("Ask dpo-000012.") == "Ask dpo-000012."


def test_a_served_name_is_a_name_and_no_pattern() -> None:
    assert scrub("I am org/model+.* (7b).", ("org/model+.*",)) == "I am ▢ (7b)."
    assert scrub("I am organisation.", ("org/model+.*", "")) == "I am organisation."


def test_masking_again_changes_nothing() -> None:
    once = scrub("I'm Claude, made by Anthropic. As ChatGPT, I agree with Gemini.")
    assert scrub(once) == once


@pytest.mark.parametrize(
    "unit",
    [
        "I am ",
        "I'm an AI ",
        "as ",
        "I'm Claude ",
        "I am qwen-",
        "a-",
        "I am AI made by ",
        "OpenAI,a,",
        "* ",
        "dpo-",
    ],
)
@pytest.mark.timeout(30)
def test_a_text_of_openings_alone_comes_back(unit: str) -> None:
    """50,000 characters take 0.1 s; a pattern that went back would take more than any limit."""
    text = (unit * 50_000)[:50_000]
    assert scrub(text).count("▢") <= text.count(unit.strip()) + 1
