"""How good each version is: rows, findings and what they rest on."""
