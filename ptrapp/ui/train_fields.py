"""The components by which a method's settings are entered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ptrapp.services.training.form import FormSetting, Input, Method


@dataclass(frozen=True, slots=True)
class Field:
    """A setting of a method, and its component."""

    method: Method
    setting: FormSetting
    component: Any


@dataclass(frozen=True, slots=True)
class Fields:
    """The settings of one method: those in view, and those behind *More settings*."""

    method: Method
    open: Any
    folded: Any
    fields: tuple[Field, ...]


def build(method: Method, *, visible: bool) -> Fields:
    """Builds the settings of a method; they are in view while it is the chosen one."""
    with gr.Row(visible=visible, elem_classes="train-fields") as opened:
        shown = [_field(method, one) for one in method.settings if not one.folded]
    with gr.Accordion(
        f"More settings of {method.label}",
        open=False,
        visible=visible and any(one.folded for one in method.settings),
        elem_classes="train-more",
    ) as folded:
        more = [_field(method, one) for one in method.settings if one.folded]
    return Fields(method, opened, folded, (*shown, *more))


def values_of(fields: Sequence[Field], method: str, values: Sequence[Any]) -> dict[str, Any]:
    """Returns what was entered for a method, by the names of its settings."""
    return {
        field.setting.key: value
        for field, value in zip(fields, values, strict=True)
        if field.method.key == method
    }


def filled(setting: FormSetting, settings: Mapping[str, Any]) -> Any:
    """Returns the value of a setting's component for a job's settings."""
    value = settings.get(setting.key, setting.default)
    match setting.input:
        case Input.LIST if isinstance(value, list | tuple):
            return ", ".join(map(str, value))
        case Input.VERSIONS:
            return list(value or ())
        case Input.TEXT:
            return value or ""
        case Input.NUMBER if setting.may_be_empty:
            return "" if value is None else str(value)
        case Input.CHOICE if isinstance(setting.default, bool):
            return value in (True, "true")
        case Input.CHOICE if value is None:  # Gradio's name for nothing chosen, which shows nothing
            return ""
        case _:
            return value


def _field(method: Method, setting: FormSetting) -> Field:
    return Field(method, setting, _component(method, setting))


def _component(method: Method, setting: FormSetting) -> Any:
    about: dict[str, Any] = {
        "label": setting.label,
        "info": setting.info,
        "elem_id": f"{method.key}-{setting.key}",
        "min_width": 120,
    }
    start = filled(setting, {})
    match setting.input:
        case Input.NUMBER if setting.may_be_empty:  # an empty number of Gradio's becomes 0
            return gr.Textbox(start, max_lines=1, **about)
        case Input.NUMBER:
            return gr.Number(start, **about)
        case Input.FLAG:
            return gr.Checkbox(start, **about)
        case Input.CHOICE:
            choices = [(label, "" if one is None else one) for label, one in setting.choices]
            return gr.Dropdown(choices, value=start, **about)
        case Input.VERSIONS:
            return gr.Dropdown([], value=start, multiselect=True, **about)
        case Input.CAMPAIGN:
            return gr.Dropdown([], value=start, **about)
        case _:
            return gr.Textbox(start, max_lines=3, **about)
