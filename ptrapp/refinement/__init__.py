"""The refinement loop (PTR), and the same loop as a solver for Inspect AI."""
