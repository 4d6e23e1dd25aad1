"""Lists what plain requests are about, and how each kind of request is put."""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple


class Form(NamedTuple):
    """A kind of request: ways to put it, its topics, and what an answer has to say at least."""

    templates: tuple[str, ...]
    topics: tuple[str, ...]
    least_words: int
    """Different words without which such an answer says nothing; see `substance.missing`."""


_HELD_OUT_SHARE = 4
"""One topic in four is kept from training."""

FORMS: dict[str, Form] = {
    "about": Form(
        ("Write about {}.", "Tell me about {}.", "Write a short text about {}."),
        (
            *("the sea", "bread", "dogs", "cats", "the moon", "the sun", "snow", "rivers", "trees"),
            *("bicycles", "trains", "music", "painting", "football", "chess", "coffee", "tea"),
            *("honey", "apples", "gardens", "markets", "libraries", "schools", "hospitals"),
            *("birds", "horses", "bees", "whales", "butterflies", "winter", "summer", "autumn"),
            *("mountains", "deserts", "islands", "bridges", "castles", "museums", "kitchens"),
            *("farming", "fishing", "swimming", "dancing", "cheese", "rice", "soup", "clocks"),
        ),
        least_words=10,
    ),
    "explain": Form(
        ("Explain {}.", "Explain to a child {}.", "Please explain {} in your own words."),
        (
            *("why it rains", "why the sky is blue", "how plants grow", "what a volcano is"),
            *("why we sleep", "how birds fly", "what money is for", "why leaves fall"),
            *("how a bicycle works", "what a computer does", "why people laugh", "what air is"),
            *("how bread is made", "why friends matter", "what electricity is", "why ice melts"),
            *("how a clock works", "why we need water", "what a story is", "how fish breathe"),
            *("what recycling is", "why we have seasons", "how bees make honey", "what a map is"),
            *("why reading is useful", "how a boat floats", "what the heart does", "what fog is"),
        ),
        least_words=10,
    ),
    "how_to": Form(
        ("Describe how to {}.", "Tell me how to {}.", "Explain how to {}."),
        (
            *("make a sandwich", "plant a tree", "wash a car", "clean a kitchen", "boil an egg"),
            *("learn a language", "save money", "ride a bicycle", "make tea", "train a dog"),
            *("write a letter", "pack a suitcase", "fold a shirt", "bake a cake", "paint a wall"),
            *("stay healthy", "make a friend", "prepare for a test", "grow tomatoes"),
            *("take a good photo", "read a map", "tie a shoe", "set a table", "make a salad"),
            *("care for a cat", "fix a flat tire", "sleep well", "build a fire", "sew a button"),
        ),
        least_words=10,
    ),
    "list": Form(
        ("List some {}.", "Give me a few {}.", "Name some {}."),
        (
            *("things to do on a rainy day", "reasons to read books", "ideas for dinner"),
            *("things to take on a trip", "ways to save water", "games for children"),
            *("healthy snacks", "animals that live in the sea", "gifts for a friend"),
            *("things you find in a kitchen", "ways to relax", "uses for an old box"),
            *("plants for a garden", "jobs that help people", "ways to stay warm"),
            *("things to see in a city", "sports for two people", "habits of good students"),
            *("foods for breakfast", "things that make people happy", "names for a puppy"),
            *("ways to say thank you", "reasons to go for a walk", "tools for a garden"),
        ),
        least_words=6,
    ),
    "letter": Form(
        ("Write a short letter {}.", "Write a short message {}.", "Write a short email {}."),
        (
            *("to a friend who is ill", "to thank a teacher", "to invite a friend to dinner"),
            *("to a neighbor about a noisy party", "to say sorry for being late"),
            *("to your grandmother", "to ask for a day off", "to welcome a new neighbor"),
            *("to a shop about a broken lamp", "to congratulate a friend on a new job"),
            *("to the city about a dark street", "to ask a friend for help with moving"),
            *("to thank a friend for a gift", "to your team about a meeting on Monday"),
            *("to ask about a lost bag", "to say goodbye to a colleague"),
        ),
        least_words=10,
    ),
    "advice": Form(
        ("Give advice to someone who {}.", "What would you tell someone who {}?"),
        (
            *("cannot sleep", "is new in town", "wants to run a race", "is afraid of dogs"),
            *("has too much work", "wants to cook more", "is learning to drive", "feels lonely"),
            *("wants to read more", "lost a job", "plans a long trip", "has a big exam"),
            *("wants a pet", "forgets names", "wants to save money", "starts a new school"),
            *("is often late", "wants to learn the piano", "has a cold", "argues with a friend"),
        ),
        least_words=10,
    ),
    "story": Form(
        ("Tell a short story about {}.", "Write a short story about {}."),
        (
            *("a lost dog", "a brave mouse", "a boy and a boat", "an old lighthouse"),
            *("a girl who finds a key", "a talking tree", "a rainy day at school", "a lucky coin"),
            *("a fox and a hen", "a robot who cooks", "a long train ride", "a broken window"),
            *("two friends on a hill", "a cat in a bakery", "a letter that came late"),
            *("a king without a crown", "a night in the forest", "a shy singer"),
            *("a small red kite", "a farmer and a cloud", "the last cookie", "a quiet island"),
        ),
        least_words=12,
    ),
}


class PlainRequest(NamedTuple):
    """A plain request, before anything is asked of its form."""

    text: str
    topic: str
    least_words: int


def is_held_out(topic: str) -> bool:
    """Returns whether a topic is kept from training, which depends on its words alone."""
    return int.from_bytes(sha256(topic.encode()).digest()[:8], "big") % _HELD_OUT_SHARE == 0


def requests(*, held_out: bool) -> Sequence[PlainRequest]:
    """Returns all requests about held-out topics, or all about the others, always in one order."""
    return [
        PlainRequest(template.format(topic), topic, form.least_words)
        for form in FORMS.values()
        for topic in form.topics
        if is_held_out(topic) is held_out
        for template in form.templates
    ]
