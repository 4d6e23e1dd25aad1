"""The pages that are walked, by what one sees that what each is for is there."""

from dataclasses import dataclass

from bench.growth.size import CAMPAIGN
from bench.pages.filling import JOB


@dataclass(frozen=True, slots=True)
class Press:
    """Something that is pressed on a page, and what is there afterwards."""

    name: str
    opens: str
    """Selector of what is clicked."""
    shows: str
    says: str = r"\S"
    types: str = ""
    """What is typed into it, and sent with Enter."""


@dataclass(frozen=True, slots=True)
class Place:
    """A page, and what of it is its own content."""

    name: str
    path: str
    shows: str
    """Selector of its own content; one that is seen and says it is enough."""
    says: str = r"\S"
    """Regular expression in the content's text."""
    presses: tuple[Press, ...] = ()


_CELL = "[role=gridcell]"
_ALWAYS = (
    Place("People", "people", "#people"),
    Place("Account", "account", "main"),
    Place("Sign in", "sign-in", "main"),
)
EMPTY = (
    Place("Play", "", "#examples .gallery-item"),
    Place("History", "history", "#history-list, #history-counted"),
    Place("Label", "label", "#label-home h1, .label-empty, .label-side"),
    Place("Campaigns", "campaigns", "#campaigns-title", "No campaign yet"),
    Place("Versions", "versions", f"#leaderboard {_CELL}", "demo"),
    Place("Train", "train", "#train-teach-start, #train-measure-start", "[a-z]{3}"),
    Place("Data", "data", "#import-look"),
    *_ALWAYS,
)
"""The pages of a new installation."""

GROWN = (
    Place("Play", "", "#examples .gallery-item"),
    Place("History", "history", ".history-rows li"),
    Place("Label", "label", ".label-side"),
    Place("Campaigns", "campaigns", f"#campaigns-table {_CELL}", "all pairs"),
    Place("Campaign", f"campaigns?campaign={CAMPAIGN}", "#campaign-about", r"\d"),
    Place("Agreement", f"campaigns?campaign={CAMPAIGN}&tab=agreement", "#campaign-groups", r"\d"),
    Place("Disagreements", f"campaigns?campaign={CAMPAIGN}&tab=disagreements", "#dispute .sides"),
    Place("Versions", "versions", f"#leaderboard {_CELL}", "dpo-0"),
    Place("Time machine", "versions", ".time-card", "dpo-0"),
    Place("Train", "train", f"#train-jobs {_CELL}", r"\d"),
    Place("Job", f"train?job={JOB}", "#job-head", r"\w"),
    Place(
        "Data",
        "data",
        "#import-look",
        presses=(
            Press("Browse", "[role=tab]:visible:has-text('Browse')", "#browse-counted", "prompts"),
            Press(
                "Export", "[role=tab]:visible:has-text('Export')", f"#stored {_CELL}", "50000|bench"
            ),
            Press("Export, a sample", "#export-look", "#export-said", r"\d"),
        ),
    ),
    *_ALWAYS,
)
"""The pages of an app that has been used for years."""
