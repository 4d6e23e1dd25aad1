"""The dialog of a new campaign: what is entered for its budget."""

import pytest

from ptrapp.core.errors import InputError
from ptrapp.ui.campaign_new import _budget, _whole


@pytest.mark.parametrize(("said", "meant"), [("", None), (None, None), ("  ", None), (" 40 ", 40)])
def test_an_empty_budget_is_no_limit(said: str | None, meant: int | None) -> None:
    assert _budget(said) == meant


@pytest.mark.parametrize("said", ["0", "-1", "1.5", "many", "²", "9" * 30])
def test_a_budget_that_is_no_number_of_labels_is_refused_in_words(said: str) -> None:
    with pytest.raises(InputError, match="or nothing for no limit"):
        _budget(said)


@pytest.mark.parametrize("said", [None, 0, -1, 1.5, 101, 999_999, float("inf"), float("nan")])
def test_a_number_that_cannot_be_meant_is_refused_in_words(said: float | None) -> None:
    with pytest.raises(InputError, match="Labels per pair is a whole number from 1 to 100"):
        _whole(said, "Labels per pair", 100)
    assert _whole(2.0, "Labels per pair", 100) == 2
