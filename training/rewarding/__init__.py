"""Training a reward model: labels of responses, a classifier, its loop, its publication."""
