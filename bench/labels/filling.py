"""Fills a database with prompts and answers to label, of a few sentences with some Markdown."""

from pathlib import Path
from random import Random

from db.models import Prompt, Round, Run, RunMode, RunState
from db.storage.session import open_database

N_SIBLINGS = 2
"""Answers to each prompt: one pair, as in a task of the peer."""
PROMPTS_PER_TRANSACTION = 2000
_SENTENCE = (
    "we take the train at noon because every second carriage is empty then and `x = 3` holds, "
    "so the sum of **both** sides is even and the answer follows from what was said before"
)
_WORDS = tuple(_SENTENCE.split())


def fill(folder: Path, n_prompts: int, n_siblings: int = N_SIBLINGS, *, url: str = "") -> None:
    """Stores so many prompts and answers to each, at `url` or in the file in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    database = open_database(url or f"sqlite:///{folder / 'thrice.db'}")
    random = Random(0)
    for first in range(0, n_prompts, PROMPTS_PER_TRANSACTION):
        with database.write() as session:
            for number in range(first, min(first + PROMPTS_PER_TRANSACTION, n_prompts)):
                question = f"Question {number}: {text(random, 25)}?"
                prompt = Prompt(text=question, source="bench", sha256=f"{number:064x}")
                run = Run(prompt=prompt, mode=RunMode.JOB, settings={}, state=RunState.DONE)
                session.add_all(_answer(run, each, random) for each in range(n_siblings))
    database.dispose()


def text(random: Random, n_words: int) -> str:
    """Returns so many words without meaning."""
    return " ".join(random.choices(_WORDS, k=n_words))


def _answer(run: Run, candidate: int, random: Random) -> Round:
    thought, response = text(random, 40), text(random, random.randint(40, 120))
    return Round(
        run=run,
        prompt=run.prompt,
        index=0,
        candidate=candidate,
        thinking=True,
        thought=thought,
        response=response,
        raw=f"<T> {thought}<R> {response}",
        well_formed=True,
        sampling={},
        seed=0,
        n_thought_tokens=60,
        n_response_tokens=120,
        finish_reason="stop",
    )
