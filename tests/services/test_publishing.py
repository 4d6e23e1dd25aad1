"""An export on a hub: rows and card as they would arrive, without a hub."""

import json
from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
import pytest
import yaml
from stored_votes import RowContext, context, fill, sample, vote

from db.models import Outcome
from db.storage.session import Database
from ptrapp.core.errors import InputError
from ptrapp.interchange import card, hub_push
from ptrapp.services.files import exporting, publishing
from ptrapp.services.files.exporting import ExportRequest, What


class Hub:
    """Takes what is pushed, as the hub's library hands it over."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pushed: dict[str, Any] = {}
        self.error: Exception | None = None

        def push_rows(rows: datasets.Dataset, repo: str, **options: Any) -> None:
            if self.error is not None:
                raise self.error
            self.pushed |= {"rows": rows.to_list(), "repo": repo, "options": options}

        def push_card(card: huggingface_hub.DatasetCard, repo: str, **options: Any) -> None:
            self.pushed |= {"card": str(card), "card_repo": repo, "card_options": options}

        monkeypatch.setattr(datasets.Dataset, "push_to_hub", push_rows)
        monkeypatch.setattr(hub_push.DatasetCard, "push_to_hub", push_card)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    monkeypatch.setenv(publishing.TOKEN, "hf_secret")
    return Hub(monkeypatch)


@pytest.fixture
def full(database: Database, tmp_path: Path) -> RowContext:
    fill(database)
    return context(database, tmp_path / "data")


def test_rows_and_a_card_are_pushed_privately_with_the_token_of_the_environment(
    full: RowContext, hub: Hub, tmp_path: Path
) -> None:
    ask = ExportRequest(What.PREFERENCES, names=False)
    address, manifest = publishing.publish(full, ask, "ann/pairs")
    assert address == "https://huggingface.co/datasets/ann/pairs"
    assert hub.pushed["options"] == {"private": True, "token": "hf_secret"}
    assert hub.pushed["card_options"] == {"repo_type": "dataset", "token": "hf_secret"}
    exporting.write(full, ask, tmp_path / "same.jsonl", expect=manifest.sha256)
    same = [
        json.loads(line)
        for line in (tmp_path / "same.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert hub.pushed["rows"] == same
    assert '"ann"' not in json.dumps(hub.pushed["rows"]), "people are numbered"


def test_the_card_says_what_how_much_by_whom_and_how_to_get_it_again(
    full: RowContext, hub: Hub
) -> None:
    with full.database.write() as session:
        for n in range(40):
            a, b = sample(session, f"Which, {n}?", "a", "b")
            for who in ("ann", "bob"):
                vote(session, who, a, b, Outcome.RIGHT if n % 3 else Outcome.LEFT)
    _, manifest = publishing.publish(full, ExportRequest(What.VOTES, names=False), "ann/votes")
    about = hub.pushed["card"]
    header = yaml.safe_load(about.split("---")[1])
    assert header["license"] == "other"
    assert header["size_categories"] == ["n<1K"]
    assert {"thrice", "preference"} <= set(header["tags"])
    assert "3 people with 93 votes; 1 judges (models) with 2 votes" in about
    assert f"--up-to {manifest.up_to} --expect {manifest.sha256}" in about
    assert "- **Agreement:** Raters agree well: α = 0." in about
    assert "hf_secret" not in about


@pytest.mark.parametrize(
    "error",
    [ConnectionError("offline mode is enabled\nand more"), ValueError("no such name")],
)
def test_a_hub_that_refuses_gives_one_sentence(
    full: RowContext, hub: Hub, error: Exception
) -> None:
    hub.error = error
    with pytest.raises(
        InputError, match=rf"ann/x cannot be published \({type(error).__name__}"
    ) as raised:
        publishing.publish(full, ExportRequest(), "ann/x")
    assert "\n" not in str(raised.value)
    assert "hf_secret" not in str(raised.value)


def test_nothing_is_published_without_token_name_or_rows(
    full: RowContext, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for repo, words in (("pairs", "names no dataset"), ("a/b/c", "names no dataset")):
        with pytest.raises(InputError, match=words):
            publishing.publish(full, ExportRequest(), repo)
    with pytest.raises(InputError, match="no preferences to publish"):
        publishing.publish(full, ExportRequest(up_to=0), "ann/x")
    monkeypatch.delenv(publishing.TOKEN)
    with pytest.raises(InputError, match="set HF_TOKEN"):
        publishing.publish(full, ExportRequest(), "ann/x")
    assert not hub.pushed


def test_markup_in_a_name_stays_words(full: RowContext) -> None:
    manifest = exporting.write(full, ExportRequest(), full.settings.data_dir.parent / "a.jsonl")
    text = card.card(manifest.as_json(), "<script>", agreement="`x` [y](http://z)\n# head")
    assert "<script>" not in text
    assert "\n# head" not in text
