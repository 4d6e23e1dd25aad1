"""Labelling: raters, campaigns, assignments, offers and the append-only vote log."""
