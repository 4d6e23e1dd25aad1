"""Trains a reward model on the votes: a judge that tells which of two responses is better.

It reads what the raters read: question and response, never a thought. TPO (arXiv 2410.10630,
section 2.3) got its best results from a judge of this kind; one trained on the policy's own
responses judges those best.
"""

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ptrapp.analysis.intervals import wilson
from ptrapp.core.errors import NothingToLearn
from ptrapp.judges.reward_model import RewardModel
from ptrapp.preferences.counting import Counting
from ptrapp.recipes.reading import read
from ptrapp.recipes.reward_model import RewardConfig, RewardForm
from training.data.examples import in_words
from training.data.hold_out import hold_out
from training.jobs.claim import Claim
from training.jobs.ranks import Ranks
from training.loop import warnings
from training.rewarding.classifier import load_classifier
from training.rewarding.encode import encode_labels
from training.rewarding.labels import ResponsePair, frozen_once
from training.rewarding.learn import LearntReward, learn
from training.rewarding.publish import name_of, publish

MIN_PREFERENCES = 20
"""Preferences below which nothing is trained: a model memorises fewer."""


def run(claim: Claim, ranks: Ranks) -> str:
    """Trains a judge on all current votes, registers it, and returns its name.

    One process does it, also where several were started: the model is small beside the policy.
    """
    name = name_of(claim)
    if not ranks.leads:
        ranks.wait()
        return name
    began = time.monotonic()
    config = read(RewardConfig, claim.payload.settings, "settings")

    claim.enter("freezing the data")
    knows_ties = config.form is not RewardForm.BRADLEY_TERRY
    counting = Counting(ties=knows_ties, soft=config.soft_labels)
    labels, dropped = frozen_once(claim, counting, config.max_examples)
    _refuse_too_few(labels, dropped)

    claim.enter("loading the model")
    model = load_classifier(claim.settings, config)
    rate = config.learning_rate or (1e-3 if model.is_small else 1e-4)
    examples = encode_labels(
        model.tokenizer, labels, model.max_tokens, dropped, strength=config.strength
    )
    if not examples:
        raise NothingToLearn(f"No pair is left to learn from. {in_words(+dropped)}")
    learnt, held = hold_out(examples, config.eval_share)

    claim.enter("training")
    trained = learn(model, learnt, held, config, claim, learning_rate=rate)
    _note_warnings(claim, trained)

    claim.enter("publishing")
    unseen = [label for each in held for label in each.labels]

    def evaluate(folder: Path) -> dict[str, Any]:
        found = held_out_accuracy(
            RewardModel(str(folder), name, device=claim.settings.device), unseen
        ) | {
            "n_pairs": sum(each.size for each in examples),
            "n_steps": trained.n_steps,
            "dropped": dict(+dropped),
            "seconds": round(time.monotonic() - began, 1),
        }
        _note_result(claim, found)
        return found

    publish(claim, model, evaluate)
    ranks.wait()
    return name


def held_out_accuracy(judge: RewardModel, unseen: Sequence[ResponsePair]) -> dict[str, Any]:
    """Returns how often the finished judge agrees with the raters on pairs it was not trained on.

    `longer_is_better` is how often the longer of two unequally long responses was the better: a
    judge that is no better has learnt length. Ties are left out; a share of no pairs is None.
    """
    decided = [each for each in unseen if each.outcomes[0] > each.outcomes[2]]
    n_right = 0
    for each in decided:
        chosen, rejected = judge.score(each.question, None, (each.chosen, each.rejected))
        n_right += chosen > rejected
    unequal = [each for each in decided if len(each.chosen) != len(each.rejected)]
    n_longer = sum(len(each.chosen) > len(each.rejected) for each in unequal)
    n = len(decided)
    low, high = wilson(n_right, n)
    return {
        "accuracy": n_right / n if n else None,
        "accuracy_low": low,
        "accuracy_high": high,
        "longer_is_better": n_longer / len(unequal) if unequal else None,
        "n_held_out": n,
    }


def _refuse_too_few(labels: Sequence[ResponsePair], dropped: Counter[str]) -> None:
    if len(labels) < MIN_PREFERENCES:
        left_out = f" {in_words(+dropped)}" if dropped.total() else ""
        raise NothingToLearn(
            f"There are {len(labels)} preferences and a reward model needs {MIN_PREFERENCES} at "
            f"least: from fewer it learns their words by heart. Collect more votes.{left_out}"
        )


def _note_warnings(claim: Claim, trained: LearntReward) -> None:
    curves = trained.curves
    for sentence in (
        warnings.diverges(curves["loss"]),
        warnings.memorises(curves["rewards/accuracies"], curves["eval_rewards/accuracies"]),
    ):
        if sentence:
            claim.note(sentence, "warning")


def _note_result(claim: Claim, result: dict[str, Any]) -> None:
    """Notes how good the judge is, or that nobody knows."""
    if result["accuracy"] is None:
        claim.note(
            f"Of {result['n_pairs']} pairs none with a preference was held out, so nobody knows "
            "how good this judge is: collect more votes, or raise eval_share.",
            "warning",
        )
        return
    longer = result["longer_is_better"]
    by_length = ""
    if longer is not None:
        alone = max(longer, 1 - longer)
        by_length = f"; where lengths differ, length alone is right in {alone:.0%}"
    claim.note(
        f"On {result['n_held_out']} pairs it has not seen the judge agrees with the raters in "
        f"{result['accuracy']:.0%} (95% interval {result['accuracy_low']:.0%} to "
        f"{result['accuracy_high']:.0%}){by_length}."
    )
    if result["accuracy_low"] <= 0.5:
        claim.note("That may be chance: do not rely on this judge.", "warning")
