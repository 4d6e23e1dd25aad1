"""The parts of one TPO iteration: fresh prompts, samples, scores, pairs, checkpoint selection."""
