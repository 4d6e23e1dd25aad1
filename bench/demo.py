"""Makes the shipped version `demo`, and the run of it that Play shows: `python -m bench.demo`.

The product's own jobs teach the bundled model to refine, and measure it beside the base. The
recorded run is the first of the page's examples, in their order, that the version answers wrongly
at first and rightly in the end; that of the base is the same prompt with the same seed.

    python -m bench.demo [--folder F]
"""

import argparse
import json
import logging
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.papers.steps import Steps
from db.models import JobKind
from db.registry import adapters, evaluations
from db.registry.stored_paths import located
from ptrapp.cli.context import CommandContext, open_context
from ptrapp.core.errors import EngineError
from ptrapp.core.settings import BUNDLED_MODEL
from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import BASE, Completion, Policy, Sampling
from ptrapp.engines.base import Engine
from ptrapp.engines.local.engine import LocalEngine
from ptrapp.refinement.loop import refine_many
from ptrapp.refinement.options import RefineOptions
from ptrapp.services.demo import CONFIG, EVALUATION, FOLDER, NAME, RECORDED, WEIGHTS
from ptrapp.services.examples import examples
from ptrapp.tasks.check import is_correct

COMMAND = "python -m bench.demo"
THINKING = Thinking.ALWAYS
"""As a run on the Play page is asked unless somebody chooses otherwise."""
N_ROUNDS = 3
MEASURED = ("task", "round_index", "control", "n", "n_correct", "thought_tokens",
            "response_tokens", "thought_tokens_sd", "response_tokens_sd", "n_fixed",
            "n_broken")  # fmt: skip
"""Columns of an evaluation that are shipped, beside its version."""


def main(arguments: list[str] | None = None) -> None:
    """Writes the folder, and prints as JSON what was measured and recorded."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--into", type=Path, default=FOLDER, help="the folder to write")
    parser.add_argument("--folder", default="", help="a data folder to go on from")
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--n", type=int, default=400, help="problems of each measured task")
    asked = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if asked.folder:
        print(json.dumps(_make(Path(asked.folder), asked.into, asked.queries, asked.n)))
        return
    with tempfile.TemporaryDirectory(prefix="thrice-demo-") as folder:
        print(json.dumps(_make(Path(folder), asked.into, asked.queries, asked.n)))


def _make(folder: Path, into: Path, n_queries: int, n: int) -> dict[str, Any]:
    with open_context({"data_dir": folder, "model": "bundled"}, new=True) as context:
        version = _learn(Steps(context), n_queries, n)
        measured = _measured(context, version)
        with context.database.read() as session:
            row = adapters.by_name(session, version)
            assert row is not None, "the job published it"
            made = located(row.path, context.settings.data_dir)
    into.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(made / WEIGHTS, into / WEIGHTS)
    config = json.loads((made / CONFIG).read_text(encoding="utf-8"))
    config |= {"base_model_name_or_path": "bundled"}  # a folder of the machine it was made on
    (into / CONFIG).write_text(
        json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8"
    )
    recorded = _record(into)
    for name, content in ((EVALUATION, measured), (RECORDED, recorded)):
        (into / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return {"evaluation": measured, "recorded": recorded}


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _learn(steps: Steps, n_queries: int, n: int) -> str:
    """Returns the name of the version that the jobs made and measured."""
    recipe = {"n_queries": n_queries, "final": "solver", "thinking": THINKING.value}
    steps.run("data", JobKind.PTR_DATA, recipe)
    tuned = steps.run("mask-sft", JobKind.MASK_SFT, {}).adapter
    assert tuned is not None, "mask-SFT publishes a version"
    plan = {
        "tasks": ["generated", "held_out"],
        "n": n,
        "seeds": [0],
        "rounds": N_ROUNDS,
        "versions": [tuned],
        "thinking": THINKING.value,
    }
    steps.run("evaluate", JobKind.EVALUATE, plan)
    return tuned


def _measured(context: CommandContext, version: str) -> list[dict[str, Any]]:
    """Returns the rows that the evaluation stored, with the version under its shipped name."""
    with context.database.read() as session:
        tuned = adapters.by_name(session, version)
        assert tuned is not None, "the job published it"
        return [
            {"version": NAME if row.adapter_id == tuned.id else BASE.label}
            | {name: getattr(row, name) for name in MEASURED}
            for row in evaluations.listing(session)
        ]


def _record(folder: Path) -> dict[str, Any]:
    """Returns the first example that is mended, as the version and the base answered it."""
    sampling = Sampling(temperature=0.0)
    with closing(LocalEngine(str(BUNDLED_MODEL))) as engine:
        engine.publish(NAME, folder)
        for prompt, reference in examples():
            rounds = _ask(engine, prompt, reference, Policy(NAME), sampling)
            if rounds[-1]["correct"] and not rounds[0]["correct"]:
                return {
                    "command": COMMAND,
                    "prompt": prompt,
                    "reference_answer": reference,
                    "sampling": asdict(sampling),
                    NAME: rounds,
                    BASE.label: _ask(engine, prompt, reference, BASE, sampling),
                }
    raise SystemExit("None of the examples is wrong at first and right in the end.")


def _ask(
    engine: Engine, prompt: str, reference: str, policy: Policy, sampling: Sampling
) -> list[dict[str, Any]]:
    options = RefineOptions(THINKING, sampling, policy)
    chain = refine_many(engine, [prompt], N_ROUNDS, options)[0]
    return [_as_json(one, reference) for one in _answered(chain)]


def _answered(chain: Sequence[Completion | EngineError]) -> list[Completion]:
    for one in chain:
        if isinstance(one, EngineError):
            raise one
    return [one for one in chain if isinstance(one, Completion)]


def _as_json(one: Completion, reference: str) -> dict[str, Any]:
    return {
        "thought": one.split.thought,
        "response": one.split.response,
        "correct": is_correct(one.split.response, reference),
        "n_thought_tokens": one.n_thought_tokens,
        "n_tokens": one.n_thought_tokens + one.n_response_tokens,
        "thought_s": round(one.thought_s, 3),
        "duration_s": round(one.duration_s, 3),
    }


if __name__ == "__main__":
    main()
