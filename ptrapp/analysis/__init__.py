"""Pure functions that compute the numbers of plots and tables."""
