"""Makes preferences of votes and scores: counting, ranking, scoring, pairing."""
