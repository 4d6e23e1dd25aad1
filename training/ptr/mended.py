"""Refinements of an instruction's answer by a program: each round mends one more thing of the last.

What a refinement is to teach is to look at *this* answer, so the rounds keep the attempt's words.
Their thought is what the verifier found, as a reader who checks the answer would put it.
"""

from db.content.rounds import NewRound
from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.core.types import FinishReason
from ptrapp.recipes.ptr_data import SOLVER, PtrDataConfig
from ptrapp.tasks.kept import Asked as Instruction
from ptrapp.tasks.mending import steps
from training.ptr.external_rounds import external_round
from training.ptr.trajectories import Asked


def mended(fmt: ThoughtFormat, config: PtrDataConfig, asked: Asked) -> list[NewRound] | str:
    """Returns the rounds after the attempts, or why there are none.

    An answer that needs fewer steps than there are rounds is repeated: what is right stays as it
    is. One that needs more takes its last steps in one round.
    """
    attempt = asked.attempts[-1]
    if attempt.finish_reason is not FinishReason.STOP:
        return "attempt over the limit of tokens"
    instruction = Instruction.from_reference(asked.query.reference_answer or "")
    texts = steps(attempt.split.response, instruction)
    if texts is None:
        return "attempt that only a writer could mend"
    n_rounds = config.rounds - config.n_attempts
    before = attempt.split.response
    rounds = []
    for number in range(n_rounds):
        index = config.n_attempts + number
        last = number == n_rounds - 1
        after = (texts[-1] if last else texts[min(number, len(texts) - 1)]) if texts else before
        thought = finding(before, instruction) if config.thinks.at(index) else ""
        correct = instruction.kept_by(after).score == 1
        rounds.append(external_round(fmt, index, SOLVER, thought, after, correct=correct))
        before = after
    return rounds


def finding(response: str, asked: Instruction) -> str:
    """Returns what a reader who checks an answer notes about it.

    >>> from ptrapp.tasks.constraints import Constraint
    >>> asked = Instruction("", (Constraint("no_commas"), Constraint("question")), 1)
    >>> finding("Rain is wet, and cold?", asked)
    'The answer should be one that has no commas; ends with a question. Not kept: has no commas.'
    """
    wanted = f"The answer should be one that {asked.in_words()}."
    broken = [one.in_words() for one in asked.constraints if not one.kept(response)]
    return f"{wanted} " + (f"Not kept: {'; '.join(broken)}." if broken else "All of it is kept.")
