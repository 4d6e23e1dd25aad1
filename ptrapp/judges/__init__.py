"""Judges: responses in, verdicts out; they have no way to see a thought."""
