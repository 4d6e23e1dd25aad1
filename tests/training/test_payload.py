"""The payload of a job, and the messages about mistakes in it."""

import pytest

from db.models import RaterKind
from ptrapp.core.errors import ConfigurationError
from ptrapp.recipes.mask_sft import MaskSftConfig
from ptrapp.recipes.preferences import PreferenceConfig
from ptrapp.recipes.reading import read
from training.jobs.payload import Filters, Payload


def test_an_empty_payload_trains_the_base_with_the_recipes_defaults() -> None:
    assert read(Payload, {}, "payload") == Payload(None, {}, Filters())
    assert read(PreferenceConfig, {}, "settings").beta == 0.1
    assert read(MaskSftConfig, {}, "settings").replay_share == pytest.approx(1 / 3)


def test_filters_are_read_from_json() -> None:
    given = {"filters": {"runs": [3, 4], "rater_kinds": ["human"], "max_examples": 10}}

    filters = read(Payload, given, "payload").filters

    assert filters == Filters((3, 4), (RaterKind.HUMAN,), 10)


def test_all_mistakes_are_named_at_once_with_what_was_given() -> None:
    with pytest.raises(ConfigurationError) as raised:
        read(PreferenceConfig, {"beta": -1, "betta": 0.1, "epochs": "many"}, "settings")

    first, *mistakes = str(raised.value).splitlines()
    assert "settings" in first
    assert [line.split(":")[0] for line in mistakes] == ["epochs", "beta", "betta"]
    assert "(given: -1)" in mistakes[1]
