"""Example prompts for the Play page, the same at every start; people may train on them."""

from ptrapp.tasks.families import problems

N_EXAMPLES = 6
_SEED = 20


def examples() -> list[list[str]]:
    """Returns prompt and reference answer of a few problems, none held out for evaluation."""
    drawn = problems(N_EXAMPLES, split="train", seed=_SEED)
    return [[problem.text, problem.answer] for problem in drawn]
