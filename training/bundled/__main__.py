"""Trains the bundled model from one seed: `python -m training.bundled --seed N`."""

import argparse
import logging
import shutil
import time
from pathlib import Path

import torch
from transformers import GenerationConfig

from training.bundled.data import tokenizer_texts
from training.bundled.tokenizer import build_tokenizer
from training.bundled.train import Run, train

logger = logging.getLogger("training.bundled")


def main(arguments: list[str] | None = None) -> None:
    """Trains the bundled model, resuming from a killed run's checkpoint if there is one."""
    usual = Run()
    parser = argparse.ArgumentParser(prog="python -m training.bundled", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("data/bundled/model"), help="the model")
    parser.add_argument("--work", type=Path, default=Path("data/bundled"), help="checkpoints")
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--steps", type=int, default=usual.n_steps)
    parser.add_argument(
        "--end-share", type=float, default=usual.end_share, help="part of the steps really done"
    )
    parser.add_argument("--tokens-per-step", type=int, default=usual.tokens_per_step)
    parser.add_argument("--save-every", type=int, default=200, help="steps between checkpoints")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--compile",
        action=argparse.BooleanOptionalAction,
        default=shutil.which("g++") is not None,
        help="compile the model, which needs g++",
    )
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(chosen.threads)
    run = Run(
        seed=chosen.seed,
        n_steps=chosen.steps,
        end_share=chosen.end_share,
        tokens_per_step=chosen.tokens_per_step,
    )

    began = time.monotonic()
    tokenizer = build_tokenizer(tokenizer_texts(run.seed))
    model = train(
        tokenizer, run, chosen.work, save_every=chosen.save_every, compiled=chosen.compile
    )
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        do_sample=True,
        temperature=0.8,
        max_new_tokens=128,
    )
    model.save_pretrained(chosen.out)
    tokenizer.save_pretrained(chosen.out)
    logger.info("%s is ready, %.0f s in this process", chosen.out, time.monotonic() - began)


if __name__ == "__main__":
    main()
