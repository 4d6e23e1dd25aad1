"""Says a job's settings in the form's words: those that differ from the defaults, with units."""

import re
from collections.abc import Mapping
from typing import Any

from ptrapp.services.training.form import FormSetting, Input, Method


def in_words(method: Method, settings: Mapping[str, Any]) -> list[str]:
    """Returns a phrase for each setting that was chosen; what the page does not offer comes last.

    >>> in_words(METHODS["tpo"], {"k": 8, "n_prompts": 40, "max_tokens": 64, "lora_rank": 8})
    ['Prompts 40', 'Response length 64 tokens', 'lora rank 8']
    """
    fixed = dict(method.fixed)
    rest = {
        name: value for name, value in settings.items() if name not in fixed or value != fixed[name]
    }
    offered = [(one, rest.pop(one.key)) for one in method.settings if one.key in rest]
    said = [_said(one, value) for one, value in offered if value != one.default]
    return [*said, *(f"{name.replace('_', ' ')} {_plain(value)}" for name, value in rest.items())]


def by_labels(method: Method, refusal: str) -> str:
    """Returns a refusal of settings with each line that begins with one under the form's label.

    >>> by_labels(METHODS["tpo"], "Correct these:\\nk: too small (given: 1)\\nseed: a word")
    'Correct these:\\nSamples: too small (given: 1)\\nseed: a word'
    """
    labels = {one.key: one.label for one in method.settings}
    lines = [line.partition(": ") for line in refusal.split("\n")]
    return "\n".join(f"{labels.get(name, name)}{colon}{said}" for name, colon, said in lines)


def with_labels(method: Method, note: str) -> str:
    """Returns a job's note with the settings it names called as the form does, in quotes.

    Only names that are no word of a sentence are replaced.

    >>> with_labels(METHODS["dpo"], "Set nll_weight to 1, or lower learning_rate. Mind beta.")
    'Set “NLL weight” to 1, or lower “Learning rate”. Mind beta.'
    """
    labels = {one.key: one.label for one in method.settings if "_" in one.key or one.key == "rho"}
    names = "|".join(map(re.escape, labels))
    return re.sub(rf"\b({names})\b", lambda one: f"“{labels[one[0]]}”", note) if names else note


def _said(setting: FormSetting, value: Any) -> str:
    match setting.input:
        case Input.CHOICE:
            words = next((label for label, one in setting.choices if one == value), _plain(value))
            return f"{setting.label} {words}"
        case Input.FLAG:
            return setting.label if value else f"{setting.label} off"
        case _:
            return " ".join(filter(None, (setting.label, _plain(value), setting.unit)))


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
