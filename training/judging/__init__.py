"""The parts of a judge's turn in a campaign: what it is asked, its numbers, its result."""
