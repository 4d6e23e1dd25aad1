"""IFEval's own file, judged by a kept package: what can be judged, and what is left out in words."""

import json
import sys
from typing import Any

import pytest

from ptrapp.core.errors import ConfigurationError, InputError
from ptrapp.tasks import ifeval
from ptrapp.tasks.check import check, in_words, is_correct

NO_COMMA, WORDS = "punctuation:no_comma", "length_constraints:number_words"


def row(
    *ids: str, kwargs: list[dict[str, Any]] | None = None, prompt: str = "Say it."
) -> dict[str, Any]:
    given = [{} for _ in ids] if kwargs is None else kwargs
    return {"key": 1, "prompt": prompt, "instruction_id_list": list(ids), "kwargs": given}


def judged(*rows: Any) -> ifeval.IfevalFile:
    return ifeval.judged(rows, "a.jsonl")


AT_LEAST_4 = {"relation": "at least", "num_words": 4, "let_relation": None}


def test_strict_and_loose_count_each_instruction() -> None:
    pytest.importorskip("if_verifiable")
    (one,) = judged(row(NO_COMMA, WORDS, kwargs=[{}, AT_LEAST_4])).prompts

    assert one.instructions == (NO_COMMA, WORDS)
    both = check("one two three four", one.reference)
    assert (both.n_kept, both.n_asked, both.n_kept_loose) == (2, 2, 2)
    introduced = check("Sure, here:\none two three four", one.reference)
    assert (introduced.n_kept, introduced.n_kept_loose) == (1, 2)
    assert introduced.broken == (f"not kept: {NO_COMMA}",)
    assert not is_correct("Sure, here:\none two three four", one.reference)
    assert check(" ", one.reference)[:2] == (0, 2)
    assert in_words(one.reference) == f"{NO_COMMA}, {WORDS}"


def test_rows_that_cannot_be_judged_are_left_out_and_counted() -> None:
    pytest.importorskip("if_verifiable")
    found = judged(
        row(NO_COMMA),
        row(NO_COMMA, "poems:rhyme"),
        row("poems:rhyme"),
        row(WORDS, kwargs=[{"relation": "no such", "num_words": 4}]),
    )
    assert len(found.prompts) == 1
    assert found.left_out == {
        "the instruction poems:rhyme is unknown": 2,
        f"{WORDS} has arguments not known": 1,
    }


def test_what_needs_a_download_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    checkers = pytest.importorskip("if_verifiable.ifeval.instructions")

    def missing(*given: Any) -> None:
        raise LookupError("Resource punkt_tab not found")

    monkeypatch.setattr(checkers.CommaChecker, "check_following", missing)
    found = judged(row(WORDS, NO_COMMA, kwargs=[AT_LEAST_4, {}]))
    assert found.left_out == {f"{NO_COMMA} needs a download": 1}


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        {"prompt": "x"},
        row(NO_COMMA, kwargs=[]),
        row(prompt="none asked"),
        row(NO_COMMA, prompt=" "),
        row(NO_COMMA, kwargs=[1]),  # type: ignore[list-item]
    ],
)
def test_another_format_is_refused_with_its_row(broken: Any) -> None:
    pytest.importorskip("if_verifiable")
    with pytest.raises(InputError, match=r"Row 2 of a.jsonl is no row of IFEval"):
        judged(row(NO_COMMA), broken)


def test_without_the_package_its_name_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "if_verifiable.ifeval.instructions_registry", None)
    ifeval._registry.cache_clear()
    with pytest.raises(ConfigurationError, match=r"thrice\[ifeval\]"):
        judged(row(NO_COMMA))
    reference = ifeval.PREFIX + json.dumps(row(NO_COMMA))
    assert "if-verifiable" in check("Any text.", reference).broken[0]
    assert not is_correct("Any text.", reference)
