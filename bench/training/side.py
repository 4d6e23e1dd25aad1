"""Runs one trainer in a process of its own, one step at each request of the parent."""

from multiprocessing.connection import Connection

import torch

from bench.training import ours
from bench.training.data import Settings, Task
from bench.training.turns import Turns


def run_side(parent: Connection, task: Task, settings: Settings) -> None:
    """Loads the model, then waits for the parent's requests."""
    if task.device == "cpu":
        torch.set_num_threads(1)
    turns = Turns(parent, task)
    match settings["side"]:
        case "ours":
            ours.run(task, settings, turns)
        case "trl":
            from bench.training import trl

            trl.run(task, settings, turns)
        case other:
            raise SystemExit(f"There is no side {other!r}; say ours or trl.")
