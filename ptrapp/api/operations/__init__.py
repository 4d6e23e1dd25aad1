"""Operations that callers may request by route, by name, or by both, each defined once."""
