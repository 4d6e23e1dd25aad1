"""The Train page offers what the recipes know, with the recipes' own defaults."""

import re
from dataclasses import fields
from typing import Any, get_args

import pytest
from training_world import ROOT

from db.models import JobKind
from training.loop.preference_training import PreferenceConfig
from training.ptr.config import PtrDataConfig
from training.recipes.evaluate import EvaluateConfig
from training.recipes.mask_sft import MaskSftConfig
from training.tpo.config import TpoConfig

SOURCE = (ROOT / "ptrapp/assets/widgets/train_settings.js").read_text(encoding="utf-8")
SETTING = re.compile(
    r'key: "(?P<key>\w+)".*?(?:choices: \{(?P<choices>.*?)\}|blank: "(?P<blank>[^"]*)"'
    r'|text: "(?P<text>[^"]*)"|list: "(?P<list>[^"]*)"|optional: "(?P<optional>[^"]*)")? \}',
    re.S,
)


def offered(kind: str) -> dict[str, re.Match[str]]:
    """The settings of a kind by their key; what several kinds have stands above all, by a name."""
    head, _, rest = SOURCE.partition("const SETTINGS")
    (block,) = re.findall(rf"\n  {kind}: \[(.*?)\n  \],", rest, re.S)
    shared = dict(re.findall(r"\nconst ([A-Z_]+) = (\{ key: .*?\});", head, re.S))
    used = [text for name, text in shared.items() if re.search(rf"\b{name}\b", block)]
    return {match["key"]: match for text in (*used, block) for match in SETTING.finditer(text)}


def test_every_kind_of_job_has_a_name_on_the_page() -> None:
    (names,) = re.findall(r"const KINDS = \{(.*?)\};", SOURCE, re.S)

    assert set(re.findall(r"(\w+): \"", names)) == {kind.value for kind in JobKind}


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("dpo", PreferenceConfig),
        ("mask_sft", MaskSftConfig),
        ("tpo", TpoConfig),
        ("ptr_data", PtrDataConfig),
        ("evaluate", EvaluateConfig),
    ],
)
def test_every_offered_setting_is_known_with_its_default(kind: str, config: Any) -> None:
    known = {field.name: field for field in fields(config)}
    found = offered(kind)

    assert found
    assert found.keys() <= known.keys()
    for key, match in found.items():
        default = known[key].default
        if match["choices"]:
            first, *others = re.findall(r"(\w+):\s+\"", match["choices"])
            kinds = [one for one in get_args(known[key].type) or (known[key].type,) if one]
            values = {"true", "false"} if kinds == [bool] else {one.value for one in kinds[0]}
            if default is None:
                assert first == "automatic", key
                assert set(others) == values, key
            else:
                assert first == str(getattr(default, "value", default)).lower(), key
                assert {first, *others} == values, key
        elif match["blank"]:
            said = None if match["blank"] == "automatic" else float(match["blank"])
            assert said == default, key
        elif match["text"]:
            assert match["text"] == default, key
        elif match["list"]:
            assert tuple(match["list"].split(", ")) == default, key
        elif match["optional"]:
            assert default is None, key
        else:
            assert default is False, key
