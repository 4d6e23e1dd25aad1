"""The numbers behind each plot and rate, as pure functions."""
