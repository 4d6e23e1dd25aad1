"""Labelling in common: campaigns, what is given and answered, who answers, how well they agree."""
