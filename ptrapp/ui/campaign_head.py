"""Reads the first lines of a campaign's own page, which are shown above all its tabs."""

from ptrapp.services.context import AppContext
from ptrapp.services.labelling.overview import in_words, read_overview
from ptrapp.services.labelling.panel import read_row
from ptrapp.ui import campaigns_drawn as drawn


def read(context: AppContext, campaign_id: int) -> str:
    """Returns the head as of now. Raises `Missing`."""
    heading, sentence = in_words(read_overview(context, campaign_id))
    return drawn.head(read_row(context, campaign_id), heading, sentence)
