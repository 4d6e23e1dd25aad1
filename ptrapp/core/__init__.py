"""Values, errors, settings and dialogue: what everything else is written in terms of."""
