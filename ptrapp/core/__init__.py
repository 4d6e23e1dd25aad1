"""Values, errors, settings and dialogue, which all other packages use."""
