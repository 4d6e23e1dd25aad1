"""From votes and scores to preferences: counting, ranking, scoring, pairing."""
