"""The warnings about a training, and when there are none."""

from functools import partial
from types import SimpleNamespace
from typing import Any

from transformers import TrainerControl, TrainerState, TrainingArguments

from training.data.tokens import Encoded, Pair, Tokens
from training.jobs.ranks import Ranks
from training.loop import warnings
from training.loop.reporting import Reporter


def curve(*values: float, each: int = 10) -> list[tuple[int, float]]:
    """Every value for ten steps."""
    return [(step, value) for step, value in enumerate(v for v in values for _ in range(each))]


def example(n_chosen: int, n_rejected: int, outcomes: tuple[float, float, float]) -> Encoded:
    sides = tuple(Tokens((1,) * n, (1.0,) * n) for n in (n_chosen, n_rejected))
    return Encoded(Tokens((1,), (0.0,)), sides, (Pair(0, 1, outcomes),))


CHOSEN, TIE = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)


def test_a_loss_that_rises_diverges_and_one_that_falls_does_not() -> None:
    assert "from 0.69 to 2" in (warnings.diverges(curve(0.69, 1.0, 2.0)) or "")
    assert warnings.diverges(curve(0.69, 0.5, 0.6)) is None
    assert warnings.diverges(curve(0.69, 9.0, each=5)) is None, "too early to tell"


def test_chosen_answers_that_become_unlikely_are_a_warning() -> None:
    assert "12.0 nats" in (warnings.chosen_falls(curve(-52.0), curve(-40.0)) or "")
    assert warnings.chosen_falls(curve(-43.0), curve(-40.0)) is None
    assert warnings.chosen_falls(curve(-6.0), curve(-4.0)) is None, "a tenth of little is little"
    assert warnings.chosen_falls([], []) is None


def test_learning_by_heart_shows_in_the_held_out_pairs_alone() -> None:
    falling = [(10, 0.8), (20, 0.75), (30, 0.6)]

    assert "from 80% to 60%" in (warnings.memorises(curve(0.99), falling) or "")
    assert warnings.memorises(curve(0.7), falling) is None
    assert warnings.memorises(curve(0.99), [(10, 0.8), (20, 0.75), (30, 0.78)]) is None
    assert warnings.memorises(curve(0.99), falling[:2]) is None


def test_length_that_decides_every_pair_is_a_warning() -> None:
    longer = [example(5, 3, CHOSEN)] * 24
    shorter = [example(3, 5, CHOSEN)] * 24

    assert "the longer completion" in (warnings.one_side_longer(longer) or "")
    assert "100% of the 24 pairs the shorter" in (warnings.one_side_longer(shorter) or "")
    assert warnings.one_side_longer(longer + shorter) is None
    assert warnings.one_side_longer(longer[:10]) is None, "ten may be chance"
    assert warnings.one_side_longer([example(4, 4, CHOSEN)] * 24) is None, "equal is not shorter"


def test_sides_that_differ_by_a_third_in_length_are_a_warning() -> None:
    """Even where one side in five is the other way round."""
    longer = [*[example(16, 8, CHOSEN)] * 16, *[example(8, 10, CHOSEN)] * 4]
    shorter = [example(6, 10, CHOSEN)] * 20

    assert "longer on the mean: 14 tokens, the rejected ones 8" in (
        warnings.lengths_differ(longer) or ""
    )
    assert "shorter on the mean: 6 tokens" in (warnings.lengths_differ(shorter) or "")
    assert warnings.lengths_differ([example(13, 10, CHOSEN)] * 20) is None
    assert warnings.lengths_differ(longer[:19]) is None, "too few to tell"
    assert warnings.lengths_differ([example(16, 8, TIE)] * 24) is None, "no side was chosen"


def test_answers_that_change_by_a_third_in_length_are_a_warning() -> None:
    changed = partial(warnings.answers_changed_length, 240, n_prompts=40, imitates_tokens=True)

    assert "shorter by 50%: 120 characters on the mean of 40" in (changed(120) or "")
    assert "longer by 50%" in (changed(360) or "")
    assert changed(170) is None
    assert changed(310) is None
    assert warnings.answers_changed_length(0, 0, 0, imitates_tokens=True) is None, "nobody answered"
    assert (changed(120) or "").endswith("with another rho.")
    advised = changed(120, imitates_tokens=False) or ""
    assert advised.endswith("with nll_weight 1 and nll_normalise token.")


def test_ties_alone_have_no_direction() -> None:
    assert "All 3 pairs are ties" in (warnings.only_ties([example(4, 3, TIE)] * 3) or "")
    assert warnings.only_ties([example(4, 3, TIE), example(4, 3, CHOSEN)]) is None
    assert warnings.only_ties([]) is None


def test_a_warning_stands_once_though_its_figures_change() -> None:
    said: list[tuple[str, str]] = []
    claim: Any = SimpleNamespace(
        report=lambda *_: True, note=lambda text, level: said.append((level, text))
    )
    reporter = Reporter(claim, Ranks.join(cpu=True))
    state, control = TrainerState(max_steps=60), TrainerControl()
    arguments = TrainingArguments(output_dir="unused", report_to=[])
    for step in range(60):
        state.global_step = step + 1
        logs = {"loss": 0.7, "logps/chosen": -40.0 - step, "logps/ref_chosen": -40.0}
        reporter.on_log(arguments, state, control, logs=logs | {"step": step})
        reporter.on_train_end(arguments, state, control)
    assert [(level, text[:40]) for level, text in said] == [
        ("warning", "The chosen answers have become less like")
    ]
