"""Measures versions round by round, against the base model and against controls."""
