"""The settings of every kind of job: checked when one is queued, run by `training.recipes`."""
