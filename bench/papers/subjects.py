"""What the experiments are about: sums for the bundled model, instructions for a language model."""

import argparse
from collections.abc import Callable

from bench.papers.arms import Subject


def subject_of(args: argparse.Namespace) -> Subject:
    """Returns the subject that the command line asks for."""
    return SUBJECTS[args.tasks](args)


def sums(args: argparse.Namespace) -> Subject:
    """Sums with worked solutions; the settings are those of the bundled model's tables."""
    return Subject(
        practice="generated",
        tasks=("generated", "held_out"),
        n=args.n,
        n_queries=args.queries,
        n_prompts=args.prompts,
        iterations=args.iterations,
        ptr_data={"final": "solver"},
        tpo={"temperature": 0.9, "top_p": 1.0},
    )


def instructions(args: argparse.Namespace) -> Subject:
    """Requests with constraints that a program can check, for a model that writes text."""
    tasks = ("instructions_held_out", "instructions_new_kinds")
    return Subject(
        practice="instructions",
        tasks=(*tasks, f"ifeval:{args.ifeval}") if args.ifeval else tasks,
        n=args.n,
        n_queries=args.queries,
        n_prompts=args.prompts,
        iterations=args.iterations,
        ptr_data={"final": "best_of_n", "max_tokens": 160},
        tpo={"temperature": 0.9, "top_p": 1.0, "max_tokens": 160},
        evaluation={"max_tokens": 160},
    )


SUBJECTS: dict[str, Callable[[argparse.Namespace], Subject]] = {
    "sums": sums,
    "instructions": instructions,
}
