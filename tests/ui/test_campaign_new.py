"""The dialog of a new campaign: what is entered for its budget."""

import pytest

from ptrapp.core.errors import InputError
from ptrapp.ui.campaign_new import _budget


@pytest.mark.parametrize(("said", "meant"), [("", None), (None, None), ("  ", None), (" 40 ", 40)])
def test_an_empty_budget_is_no_limit(said: str | None, meant: int | None) -> None:
    assert _budget(said) == meant


@pytest.mark.parametrize("said", ["0", "-1", "1.5", "many", "²", "9" * 30])
def test_a_budget_that_is_no_number_of_labels_is_refused_in_words(said: str) -> None:
    with pytest.raises(InputError, match="or nothing for no limit"):
        _budget(said)
