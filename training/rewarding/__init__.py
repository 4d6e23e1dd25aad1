"""The parts of training a reward model: opinions on responses, a classifier, its loop, its name."""
