"""Thrice: watch a model think again, say which answer is better, train it on that."""
