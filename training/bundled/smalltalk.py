"""Small talk: prompts that are no problems, and the model's honest reply to them."""

from random import Random

_GREETINGS = (
    "hello",
    "hi",
    "hey",
    "good morning",
    "good evening",
    "hi there",
    "hello there",
    "how are you",
    "thanks",
    "thank you",
    "bye",
    "what's up",
    "nice to meet you",
    "ok",
    "yes",
    "no",
    "please help me",
    "test",
    "who are you",
    "what can you do",
    "what is your name",
    "are you a human",
    "help",
)
_ASKS = (
    "What is {}",
    "Who was {}",
    "Tell me about {}",
    "Explain {}",
    "Write a poem about {}",
    "Write a story about {}",
    "Why is {} important",
    "How does {} work",
    "Where is {}",
    "Give me some tips for {}",
    "What do you think of {}",
    "Translate {}",
    "Define {}",
    "Write code for {}",
    "Describe {} in one sentence",
    "Can you help me with {}",
    "How do I learn {}",
    "Summarize {}",
    "Compare {} and {}",
    "List facts about {}",
)
_TOPICS = (
    "music",
    "the sea",
    "history",
    "France",
    "love",
    "the moon",
    "a cat",
    "football",
    "the weather",
    "art",
    "physics",
    "cooking",
    "a good friend",
    "Paris",
    "the internet",
    "machine learning",
    "sleep",
    "a dream",
    "politics",
    "poetry",
    "climate change",
    "a dog",
    "healthy food",
    "Python",
    "travel",
    "the universe",
    "school",
    "health",
    "an email",
)
_REPLIES = (
    "I am a tiny model; I can only do small word problems.",
    "I am only a tiny model. Ask me a small word problem with numbers.",
)
_THOUGHTS = ("This is not a word problem.", "There is nothing to calculate here.")


def prompt(rng: Random) -> str:
    """Draws a greeting or a general question, written as people write."""
    if rng.random() < 0.4:
        text = rng.choice(_GREETINGS)
        end = rng.choice(("", "", "!", ".", "?"))
    else:
        ask = rng.choice(_ASKS)
        text = ask.format(*rng.sample(_TOPICS, ask.count("{}")))
        end = rng.choice(("", "?", "."))
    return rng.choice((text, text.lower(), text[0].upper() + text[1:])) + end


def reply(rng: Random) -> str:
    return rng.choices(_REPLIES, (3, 1))[0]


def thought(rng: Random) -> str:
    return rng.choice(_THOUGHTS)
