"""The app is killed while people label: nothing it had acknowledged is gone, no counter is off."""

from pathlib import Path

import pytest

from bench.labels.kills import N_ANNOTATORS, kill_under_load


@pytest.mark.worker
def test_killed_under_load_it_has_every_vote_and_its_counters_are_right(tmp_path: Path) -> None:
    told = kill_under_load(tmp_path / "data", n_kills=1, after_s=3, n_pairs=1500)
    (kill,) = told["kills"]
    assert kill["n_cut_off"] == N_ANNOTATORS, "it was killed under load"
    assert kill["n_votes"] >= kill["n_acknowledged"] > 0
    right = {name: n for name, n in kill.items() if name.startswith("n_") and n == 0}
    assert right.keys() == {
        "n_lost",
        "n_over_labelled",
        "n_twice_to_a_person",
        "n_items_miscounted",
        "n_raters_miscounted",
        "n_taken_off",
        "n_done_off",
        "n_slots_off",
    }, kill
