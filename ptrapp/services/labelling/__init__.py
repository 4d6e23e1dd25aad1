"""Labelling by several raters: campaigns, assignments and votes, names, agreement."""
