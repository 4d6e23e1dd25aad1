"""Judges compare or score responses; they are never given a thought."""
