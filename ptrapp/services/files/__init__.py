"""Imports and exports of prompts, preferences, votes and refinements."""
