"""Encodes labels: each question with its responses once, and the pairs among them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from ptrapp.judges.reward_model import chat_ids
from ptrapp.recipes.preferences import Strength
from training.data.encode import MARGIN_PER_STEP
from training.data.tokens import Pair, Tokens
from training.rewarding.labels import ResponsePair


@dataclass(frozen=True, slots=True)
class EncodedComparison:
    """A question, the responses to it, and what raters said of pairs of them."""

    prompt: Tokens
    """The question alone, by which examples are held out."""
    rows: tuple[tuple[int, ...], ...]
    """Question and response as one chat, as the finished judge will read them."""
    pairs: tuple[Pair, ...]
    """Pairs by index of the rows."""
    labels: tuple[ResponsePair, ...]
    """The labels the pairs were made from, in their order."""

    @property
    def size(self) -> int:
        return len(self.pairs)

    @property
    def n_padded(self) -> int:
        """Tokens of the rows when all are padded to the longest."""
        return len(self.rows) * max(map(len, self.rows))


def encode_labels(
    tokenizer: PreTrainedTokenizerBase,
    labels: Sequence[ResponsePair],
    max_tokens: int,
    dropped: Counter[str],
    *,
    strength: Strength,
) -> list[EncodedComparison]:
    """Encodes question by question; a pair with a response over `max_tokens` tokens is left out."""
    by_question: dict[str, list[ResponsePair]] = defaultdict(list)
    for label in labels:
        by_question[label.question].append(label)
    encoded = []
    for question, given in by_question.items():
        texts = list(dict.fromkeys(t for each in given for t in (each.chosen, each.rejected)))
        try:
            ids = {text: tuple(chat_ids(tokenizer, question, text)) for text in texts}
        except TemplateError as error:
            dropped[f"the chat template refuses the conversation ({error})"] += len(given)
            continue
        fitting = [text for text in texts if len(ids[text]) <= max_tokens]
        usable = [each for each in given if {each.chosen, each.rejected} <= set(fitting)]
        dropped["longer than the model reads"] += len(given) - len(usable)
        pairs = [
            _pair(each, fitting.index(each.chosen), fitting.index(each.rejected), strength)
            for each in usable
        ]
        if pairs:
            prompt = tuple(tokenizer(question)["input_ids"])
            rows = tuple(ids[text] for text in fitting)
            weights = (0.0,) * len(prompt)
            encoded.append(
                EncodedComparison(Tokens(prompt, weights), rows, tuple(pairs), tuple(usable))
            )
    return encoded


def _pair(label: ResponsePair, chosen: int, rejected: int, strength: Strength) -> Pair:
    margin = MARGIN_PER_STEP * (label.strength - 1) if strength is Strength.MARGIN else 0.0
    weight = label.strength if strength is Strength.WEIGHT else 1.0
    return Pair(chosen, rejected, label.outcomes, margin, weight)
