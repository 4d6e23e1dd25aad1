"""One optimiser step of two processes whose model FSDP2 shards; started by torchrun in a test.

`accelerate` knows FSDP on accelerators only, so what it does there is done here by hand, on a CPU.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch.distributed.fsdp import fully_shard
from transformers import AutoModelForCausalLM

from training.data.batches import Item, build
from training.data.plan import cut, shard
from training.data.tokens import Encoded, Pair, Tokens
from training.jobs.ranks import Ranks
from training.loop.objectives import preference_objective
from training.policy.layout import PLAIN, choose_layout
from training.policy.lora import fuse
from training.policy.scorer import Scorer
from training.policy.weights import load_weights, save_weights, trained_weights


def items() -> list[Item]:
    """Three pairs: in two processes one comes out short and repeats a micro-batch for nothing."""
    draw = torch.Generator().manual_seed(0)

    def tokens(length: int, weight: float) -> Tokens:
        ids = torch.randint(5, 300, (length,), generator=draw).tolist()
        return Tokens(tuple(ids), (weight,) * length)

    return [
        Item(Encoded(tokens(6, 0), (tokens(9 + n, 1), tokens(5, 1)), (Pair(0, 1),)), (-30.0, -25.0))
        for n in range(3)
    ]


def take_step(model_folder: str, out: Path, *, sharded: bool) -> None:
    """Trains one step, saves the weights, loads them into the model again and saves the result."""
    ranks = Ranks.join(cpu=True)
    torch.manual_seed(1)
    base = AutoModelForCausalLM.from_pretrained(model_folder).requires_grad_(False)
    config = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False)
    model = get_peft_model(base, config)
    fuse(model)
    scorer = Scorer(model, PLAIN)
    rows = choose_layout(scorer).rows
    if sharded:
        for layer in scorer.causal.get_decoder().layers:
            fully_shard(layer)
        fully_shard(scorer)
    optimizer = torch.optim.SGD([w for w in scorer.parameters() if w.requires_grad], lr=1.0)
    groups = shard(cut(items(), rows, token_budget=25), rows, ranks.index, ranks.n)
    objective: Any = partial(preference_objective, beta=0.1)
    for group in groups:
        batch = build(group, rows, pad_id=0)
        loss = objective(scorer(batch), batch).loss
        ((loss * batch.example_weights).sum() / 3 * ranks.n).backward()
    optimizer.step()

    weights = trained_weights(scorer)
    if ranks.leads:
        save_weights(out, weights)
    ranks.wait()
    with torch.no_grad():
        for weight in scorer.parameters():
            if weight.requires_grad:
                weight.zero_()
    load_weights(out, scorer)
    again = trained_weights(scorer)
    if ranks.leads:
        save_weights(out / "again", again)


if __name__ == "__main__":
    take_step(sys.argv[1], Path(sys.argv[2]), sharded=len(sys.argv) > 3)
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()  # gloo's threads abort a process that just ends
