"""Direct Preference Optimization on votes: responses were compared, whole completions are trained.

A rater saw responses only; the loss sees thought and response. That asymmetry is Thought Preference
Optimization (arXiv 2410.10630, section 2.1): the thought learns what makes a response preferred.
"""

import time
from dataclasses import asdict

from db.registry import adapters
from ptrapp.preferences.counting import Counting
from ptrapp.recipes.preferences import FORMS_WITH_TIES, DpoConfig, check
from ptrapp.recipes.reading import read
from training.data import snapshot
from training.data.pairs import gather_pairs
from training.jobs.claim import Claim
from training.jobs.payload import at_most
from training.jobs.ranks import Ranks
from training.loop.preference_training import learn_pairs
from training.policy.lineage import find_parent, refuse_repetition
from training.policy.model import load_base_of, make_policy
from training.policy.publish import Origin, publish


def run(claim: Claim, ranks: Ranks) -> str:
    """Trains a version on the votes its parent has not learnt; publishes it, returns its name."""
    began = time.monotonic()
    config = read(DpoConfig, claim.payload.settings, "settings")
    check(config)
    filters = at_most(claim.payload.filters, config.max_examples)
    parent = find_parent(claim)

    claim.enter("loading the model")
    base = load_base_of(claim, config, ranks)
    policy = make_policy(base, parent, config, max_rank=claim.settings.max_lora_rank)

    claim.enter("freezing the data")
    if ranks.leads and not snapshot.exists(claim.folder):
        with claim.database.read() as session:
            after = adapters.votes_learnt_up_to(session, parent)
            gathered = gather_pairs(
                session,
                base.thought_format,
                filters,
                after=after,
                counting=Counting(ties=config.form in FORMS_WITH_TIES, soft=config.soft_labels),
            )
        snapshot.freeze(
            claim.folder,
            gathered,
            kind=claim.kind.value,
            after_vote_id=after,
            thought_format=base.thought_format.name,
            filters=asdict(filters),
            seed=config.seed,
        )
    ranks.wait()
    frozen = snapshot.read(claim.folder)
    row = snapshot.register(claim, frozen)
    refuse_repetition(claim, parent, frozen.manifest.sha256)

    learnt = learn_pairs(claim, ranks, config, policy, parent, frozen)
    fitted = learnt.fitted
    claim.report("publishing", fitted.n_steps, fitted.n_steps, None)
    summary = learnt.summary | {"seconds": round(time.monotonic() - began, 1)}
    return publish(claim, policy, fitted.weights, Origin(parent, row, learnt.settings, summary))
