"""Example prompts for the Play page that fit the model; the same at every start.

People may train on them: none is held out for evaluation.
"""

from ptrapp.tasks.families import problems
from ptrapp.tasks.instructions import INSTRUCTIONS, instructions

N_EXAMPLES = 6
_SEED = 20


def examples(*, sums: bool = True) -> list[list[str]]:
    """Returns prompt and reference answer of a few sums, or of a few requests with constraints."""
    if sums:
        drawn = problems(N_EXAMPLES, split="train", seed=_SEED)
        return [[problem.text, problem.answer] for problem in drawn]
    asked = instructions(N_EXAMPLES, name=INSTRUCTIONS, seed=_SEED)
    return [[one.prompt, one.reference] for one in asked]


def is_example(prompt: str, reference: str | None) -> bool:
    """Returns whether a prompt and its reference answer are one of the examples, unchanged."""
    return [prompt, reference] in [*examples(), *examples(sums=False)]
