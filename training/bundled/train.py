"""Trains the bundled model, resumable: cross-entropy on the right completions."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from training.bundled.data import Batch, batches
from training.bundled.tokenizer import CONTEXT

logger = logging.getLogger(__name__)

Body = Callable[[torch.Tensor], Any]
"""The model without its head: token ids (B, T) to hidden states (B, T, D)."""


@dataclass(frozen=True, slots=True)
class Run:
    """Everything the weights depend on, besides the code and the number of threads."""

    seed: int = 0
    n_steps: int = 25_000
    tokens_per_step: int = 4_096
    hidden: int = 128
    n_heads: int = 4
    n_key_value_heads: int = 2
    n_layers: int = 4
    intermediate: int = 384
    lr: float = 3e-3
    """Peak learning rate. Muon on the matrices learned little faster and was three times slower."""
    warmup_steps: int = 100
    drill_share: float = 0.1
    """Up to this part of the run some lessons are drills: by then the model knows sums."""
    recital_share: float = 0.15
    """Up to this part of the run some lessons are recitals, which teach to find and copy."""
    lesson_share: float = 0.2
    """Up to this part of the run all examples have the work written."""
    mixture_share: float = 0.55
    """Up to this part of the run all examples are of the mixture; then half are practice."""
    decay_share: float = 0.5
    """Last share of the steps up to there in which the rate falls linearly to 0."""
    end_share: float = 0.704
    """The run ends here, before the rate has come down: the model then writes work well and still
    does sums badly without it, so there is something to refine and to prefer. Run to the end (1.0)
    it answers 93 % directly, and nothing is left to improve."""
    second_peak: float = 0.67
    """Peak of the rate's second rise as a share of `lr`; it falls from there until the end."""

    @property
    def n_done_steps(self) -> int:
        """Steps that the run makes before it ends."""
        return int(self.n_steps * self.end_share)


def new_model(tokenizer: PreTrainedTokenizerFast, run: Run) -> LlamaForCausalLM:
    """Builds the untrained model; heads are 64 wide, which every serving engine accepts."""
    torch.manual_seed(run.seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=run.hidden,
        intermediate_size=run.intermediate,
        num_hidden_layers=run.n_layers,
        num_attention_heads=run.n_heads,
        num_key_value_heads=run.n_key_value_heads,
        head_dim=64,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    model.set_attn_implementation("eager")  # the fastest for short rows, and compiled as a whole
    return model


def train(
    tokenizer: PreTrainedTokenizerFast,
    run: Run,
    work: Path,
    *,
    save_every: int = 200,
    compiled: bool = False,
    after_step: Callable[[int], None] = lambda step: None,
) -> LlamaForCausalLM:
    """Trains from scratch, or from the checkpoint in `work` if a run was killed there.

    On one machine with one number of threads a resumed run ends with the weights of an
    undisturbed one. `compiled` needs a C++ compiler and doubles the speed. `after_step` receives
    the number of finished steps.
    """
    model = new_model(tokenizer, run)
    body = torch.compile(model.model, dynamic=True) if compiled else model.model
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=run.lr, betas=(0.9, 0.98), weight_decay=0.01, fused=True
    )
    checkpoint = work / "checkpoint.pt"
    start = _restore(checkpoint, model, optimizer, run)
    began, n_tokens, mean_loss = time.monotonic(), 0, 0.0
    n_steps = run.n_done_steps
    data = batches(
        tokenizer,
        seed=run.seed,
        tokens=run.tokens_per_step,
        drills=int(run.n_steps * run.drill_share),
        recitals=int(run.n_steps * run.recital_share),
        lessons=int(run.n_steps * run.lesson_share),
        mixture=int(run.n_steps * run.mixture_share),
        start=start,
    )
    model.train()
    for step, batch in zip(range(start, n_steps), data, strict=False):
        for group in optimizer.param_groups:
            group["lr"] = run.lr * rate(step, run)
        loss = batch_loss(body, model.lm_head, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        n_tokens += batch.ids.numel()
        mean_loss += (loss.item() - mean_loss) / min(step - start + 1, 100)
        done = step + 1
        if done % 50 == 0:
            speed = n_tokens / (time.monotonic() - began)
            logger.info("step %d/%d loss %.4f, %.0f tokens/s", done, n_steps, mean_loss, speed)
        if done % save_every == 0:
            _save(checkpoint, model, optimizer, run, done)
        after_step(done)
    logger.info("trained %d steps in %.0f s", n_steps - start, time.monotonic() - began)
    return model.eval()


def batch_loss(body: Body, head: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """Returns mean cross-entropy over the learned tokens; the head runs only at their positions.

    Matrices are multiplied in bfloat16, twice as fast here; weights and sums stay in float32.
    """
    learned = batch.weights[:, 1:] > 0  # (B, T-1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = body(batch.ids).last_hidden_state[:, :-1][learned]  # (N, D)
        logits = head(hidden)
    return cross_entropy(logits.float(), batch.ids[:, 1:][learned])


def rate(step: int, run: Run) -> float:
    """Returns the share of the peak rate at a step: up, level and down to zero, then once more."""
    second_start = int(run.n_steps * run.mixture_share)
    if step < second_start:
        decay_steps = max(1.0, second_start * run.decay_share)
        return min(1.0, (step + 1) / run.warmup_steps, (second_start - step) / decay_steps)
    falling = (run.n_steps - step) / (run.n_steps - second_start)
    return run.second_peak * min((step + 1 - second_start) / run.warmup_steps, falling)


def _save(
    path: Path,
    model: LlamaForCausalLM,
    optimizer: torch.optim.Optimizer,
    run: Run,
    step: int,
) -> None:
    """Writes a temporary file and renames it: a kill leaves the old checkpoint or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".tmp")
    torch.save(
        {
            "run": repr(run),
            "step": step,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
        },
        beside,
    )
    beside.replace(path)


def _restore(
    path: Path, model: LlamaForCausalLM, optimizer: torch.optim.Optimizer, run: Run
) -> int:
    """Loads the checkpoint and returns its step; one of another run is not continued."""
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    if state["run"] != repr(run):
        logger.warning("%s belongs to another run, starting afresh", path)
        return 0
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    logger.info("resumed after step %d", state["step"])
    return int(state["step"])
