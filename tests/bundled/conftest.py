"""A tokenizer learned once for all these tests."""

from itertools import islice

import pytest
from transformers import PreTrainedTokenizerFast

from training.bundled.data import tokenizer_texts
from training.bundled.tokenizer import build_tokenizer


@pytest.fixture(scope="session")
def learned_tokenizer() -> PreTrainedTokenizerFast:
    """As a training run builds it, from fewer texts."""
    return build_tokenizer(islice(tokenizer_texts(0), 8_000))
