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
    """Requests with constraints that a program can check, for a language model.

    Refinement data are the model's own attempts, mended by a program after a thought that says what
    is missing; or its own answers in rising order, without thoughts. The settings were chosen for
    SmolLM2-135M: with 100 prompts an iteration instead of 300 there is no gain to be seen.
    """
    tasks = ("instructions_held_out", "instructions_new_kinds")
    lengths = {"max_tokens": 128, "max_thought_tokens": 64}
    return Subject(
        practice="instructions",
        tasks=(*tasks, f"ifeval:{args.ifeval}") if args.ifeval else tasks,
        n=args.n,
        n_queries=args.queries,
        n_prompts=args.prompts,
        iterations=args.iterations,
        ptr_data={"final": "solver", "chunk_size": 256, **lengths},
        progressive={"thinking": "never", "temperature": 0.9, "top_p": 1.0},
        mask_sft={"learning_rate": 3e-4},
        tpo={
            "k": 8,
            "temperature": 0.9,
            "top_p": 1.0,
            "learning_rate": 2e-4,
            "nll_weight": 1.0,
            "n_selection": 60,
            **lengths,
        },
        evaluation={"chunk": 256, **lengths},
    )


SUBJECTS: dict[str, Callable[[argparse.Namespace], Subject]] = {
    "sums": sums,
    "instructions": instructions,
}
