"""The training loop: steps, objectives, metrics, checkpoints and warnings."""
