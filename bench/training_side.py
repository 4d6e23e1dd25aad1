"""One trainer in a process of its own: `python -m bench.training_side JSON`."""

import json
import sys

import torch

from bench import training_ours
from bench.training_data import Task
from bench.training_turns import Turns


def main() -> None:
    """Load, then make one step whenever a line comes in."""
    asked = json.loads(sys.argv[1])
    task = Task.of_json(asked["task"])
    if task.device == "cpu":
        torch.set_num_threads(1)
    turns = Turns(task)
    match asked["settings"]["side"]:
        case "ours":
            training_ours.run(task, asked["settings"], turns)
        case "trl":
            from bench import training_trl  # only this side pays for loading TRL

            training_trl.run(task, asked["settings"], turns)
        case other:
            raise SystemExit(f"There is no side {other!r}; say ours or trl.")


if __name__ == "__main__":
    main()
