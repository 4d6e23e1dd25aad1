"""The Train page offers what the recipes know, with the recipes' own defaults."""

import re
from dataclasses import fields
from typing import Any

import pytest
from training_world import ROOT

from training.recipes.dpo import DpoConfig
from training.recipes.mask_sft import MaskSftConfig

SOURCE = (ROOT / "ptrapp/assets/widgets/train_settings.js").read_text(encoding="utf-8")
SETTING = re.compile(
    r'key: "(?P<key>\w+)".*?(?:choices: \{(?P<choices>.*?)\}|blank: "(?P<blank>[^"]*)")? \}', re.S
)


def offered(kind: str) -> dict[str, re.Match[str]]:
    """The settings of a kind by their key; EPOCHS and LEARNING_RATE stand above both."""
    head, _, rest = SOURCE.partition("const SETTINGS")
    (block,) = re.findall(rf"\n  {kind}: \[(.*?)\n  \],", rest, re.S)
    return {match["key"]: match for text in (head, block) for match in SETTING.finditer(text)}


@pytest.mark.parametrize(("kind", "config"), [("dpo", DpoConfig), ("mask_sft", MaskSftConfig)])
def test_every_offered_setting_is_known_with_its_default(kind: str, config: Any) -> None:
    known = {field.name: field for field in fields(config)}
    found = offered(kind)

    assert {"epochs", "learning_rate"} < found.keys() <= known.keys()
    for key, match in found.items():
        default = known[key].default
        if match["choices"]:
            first, *others = re.findall(r"(\w+):\s+\"", match["choices"])
            kinds = known[key].type
            assert first == default.value, key
            assert {first, *others} == {choice.value for choice in kinds}, key
        elif match["blank"]:
            said = None if match["blank"] == "automatic" else float(match["blank"])
            assert said == default, key
        else:
            assert default is False, key
