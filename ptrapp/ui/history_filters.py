"""What History looks for: its fields, their values as a query, and as the address of the page."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import gradio as gr

from ptrapp.services import history
from ptrapp.services.history import HistoryQuery, ModeFilter, VerdictFilter, VotedFilter

_CHOICES = {
    "version": [("any", "")],
    "mode": [
        ("any", ""),
        ("refined", ModeFilter.REFINE.value),
        ("sampled", ModeFilter.SAMPLE.value),
    ],
    "voted": [
        ("any", ""),
        ("with", VotedFilter.YES.value),
        ("without", VotedFilter.NO.value),
    ],
    "verdict": [
        ("any", ""),
        ("right", VerdictFilter.RIGHT.value),
        ("wrong", VerdictFilter.WRONG.value),
    ],
    "whose": [("all", "everybody"), ("mine", "mine")],
    "kept": [("all", "all"), ("starred", "starred"), ("deleted", "deleted")],
}
"""Of each field, its choices; the first one restricts nothing."""
_LABELS = {
    "version": ("Version", 130),
    "mode": ("Mode", 130),
    "voted": ("Votes", 130),
    "verdict": ("In the end", 110),
    "whose": ("Whose", 110),
    "kept": ("Show", 130),
}


class Filters(NamedTuple):
    """What is looked for, once as components and once as their values."""

    text: Any = ""
    version: Any = ""
    mode: Any = ""
    voted: Any = ""
    verdict: Any = ""
    whose: Any = "everybody"
    kept: Any = "all"

    @classmethod
    def built(cls) -> Self:
        """Returns new components, in a row of their own."""
        with gr.Row(elem_id="history-controls"):
            text = gr.Textbox(
                label="Search", placeholder="Words of a prompt, a response or a name", max_lines=1,
                max_length=history.MAX_CHARACTERS, elem_id="history-search", scale=3, min_width=240,
            )  # fmt: skip
            fields = {
                name: gr.Dropdown(_CHOICES[name], value=usual, label=label, min_width=width)
                for name, (label, width) in _LABELS.items()
                for usual in [cls._field_defaults[name]]
            }
        return cls(text, **fields)

    @classmethod
    def of_address(cls, given: Mapping[str, str], versions: list[str]) -> Self:
        """Returns the values that an address names; what it names wrongly restricts nothing."""
        known = {name: [value for _, value in choices] for name, choices in _CHOICES.items()}
        known["version"] = ["", *versions]
        chosen = {name: given[name] for name in known if given.get(name) in known[name]}
        return cls(given.get("text", "")[: history.MAX_CHARACTERS], **chosen)

    def query(self, page: float) -> HistoryQuery:
        """Returns the values as what the use case takes."""
        return HistoryQuery(
            text=self.text or "",
            version=self.version or "",
            mode=ModeFilter(self.mode or ""),
            voted=VotedFilter(self.voted or ""),
            verdict=VerdictFilter(self.verdict or ""),
            starred=self.kept == "starred",
            mine=self.whose == "mine",
            deleted=self.kept == "deleted",
            page=int(page or 1),
        )

    def shown(self, versions: list[str]) -> list[Any]:
        """Returns the values for the components, with the versions there are to choose from."""
        choices = [("any", ""), *((name, name) for name in versions)]
        return [self.text, gr.Dropdown(choices, value=self.version), *self[2:]]


def page_of(given: Mapping[str, str]) -> int:
    """Returns the number of the page that an address names; 1 where it names none."""
    page = given.get("page", "")
    return int(page) if page.isdecimal() and len(page) < 7 else 1


KEEP_IN_ADDRESS = """(...given) => {
  const url = new URL(location.href);
  Object.entries(USUAL).forEach(([name, usual], at) => {
    const value = given[at] ?? usual;
    if (value === usual) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  });
  history.replaceState(history.state, "", url);
}""".replace("USUAL", json.dumps(Filters._field_defaults | {"page": 1}))
"""Has the address say what is looked for, so that Back from a run finds the page as it was."""
