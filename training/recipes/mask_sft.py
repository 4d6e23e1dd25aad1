"""Thought-mask fine-tuning: learns the better later round and only reads the attempts before it.

PTR (arXiv 2410.13413). The mask is `loss_weights` being 0 in the history. Ours: first rounds are
replayed beside the trajectories, so that learning to refine leaves the first answer as it was.
"""

import time
from collections import Counter
from dataclasses import asdict
from functools import partial

from ptrapp.core.errors import NothingToLearn
from ptrapp.recipes.mask_sft import MaskSftConfig, check
from ptrapp.recipes.reading import read
from ptrapp.recipes.training import Normalise
from training.data import snapshot
from training.data.batches import Item
from training.data.encode import TokenWeights, encode_trajectories
from training.data.examples import in_words
from training.data.hold_out import hold_out
from training.data.token_cache import TOKENISING, encoded_once
from training.data.trajectories import gather_trajectories
from training.jobs.claim import Claim
from training.jobs.payload import at_most
from training.jobs.ranks import Ranks
from training.loop.fit import fit
from training.loop.memory_plan import chosen_settings, plan_memory
from training.loop.objectives import imitation_objective
from training.policy.lineage import find_parent, refuse_repetition
from training.policy.model import load_base_of, make_policy
from training.policy.publish import Origin, publish


def run(claim: Claim, ranks: Ranks) -> str:
    """Trains a version on stored refinements, publishes it, and returns its name."""
    began = time.monotonic()
    config = read(MaskSftConfig, claim.payload.settings, "settings")
    check(config)
    filters = at_most(claim.payload.filters, config.max_examples)
    parent = find_parent(claim)

    claim.enter("loading the model")
    base = load_base_of(claim, config, ranks)
    rate = config.learning_rate or (1e-3 if base.is_small else 1e-4)
    policy = make_policy(
        base,
        parent,
        config,
        max_rank=claim.settings.max_lora_rank,
        with_consistency=config.terms[1:] != (0, 0),
    )

    claim.enter("freezing the data")
    if ranks.leads and not snapshot.exists(claim.folder):
        with claim.database.read() as session:
            gathered = gather_trajectories(
                session,
                base.thought_format,
                filters,
                parent_adapter_id=parent.id if parent else None,
                replay_share=config.replay_share,
                seed=config.seed,
                with_attempts=config.attempts,
            )
        snapshot.freeze(
            claim.folder,
            gathered,
            kind=claim.kind.value,
            after_vote_id=0,
            thought_format=base.thought_format.name,
            filters=asdict(filters),
            seed=config.seed,
        )
    ranks.wait()
    frozen = snapshot.read(claim.folder)
    row = snapshot.register(claim, frozen)
    refuse_repetition(claim, parent, frozen.manifest.sha256)

    dropped = Counter(frozen.manifest.dropped)
    weights = TokenWeights(thought=config.thought_weight, history=config.history_weight)
    examples = encoded_once(
        claim.folder,
        f"{frozen.manifest.sha256}:{base.fingerprint}:{weights}",
        dropped,
        lambda counted: encode_trajectories(
            base.tokenizer,
            base.thought_format,
            frozen.trajectories,
            base.context_length,
            counted,
            weights=weights,
            watch=partial(claim.each, phase=TOKENISING),
        ),
    )
    if not examples or not frozen.manifest.counts.get("refined"):
        raise NothingToLearn(f"No refined round is left to learn from. {in_words(dropped)}")

    plan = plan_memory(policy, [Item(each) for each in examples], config, claim, ranks)
    learnt, held = hold_out(examples, config.eval_share)
    fitted = fit(
        policy,
        partial(imitation_objective, lambdas=config.terms),
        [Item(example) for example in learnt],
        [Item(example) for example in held],
        config,
        claim,
        ranks,
        learning_rate=rate,
        token_budget=plan.token_budget,
        per_token=config.normalise is Normalise.TOKEN,
    )

    claim.report("publishing", fitted.n_steps, fitted.n_steps, None)
    summary = {
        **fitted.metrics,
        "counts": frozen.manifest.counts,
        "n_learnt": len(examples),
        "n_held_out": len(held),
        "n_steps": fitted.n_steps,
        "dropped": dict(dropped),
        "seconds": round(time.monotonic() - began, 1),
    }
    settings = asdict(config) | {"learning_rate": rate} | chosen_settings(policy, plan)
    return publish(claim, policy, fitted.weights, Origin(parent, row, settings, summary))
