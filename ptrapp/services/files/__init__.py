"""Files in and out: prompts, preferences, votes and refinements of other programs, and ours."""
