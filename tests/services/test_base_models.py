"""The base model is chosen while the app runs; each has its own versions, jobs and examples."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from db.models import Job, JobKind
from db.registry import adapters
from db.registry.contents import weights_sha256
from db.storage.errors import AlreadyQueued
from db.storage.session import Database
from ptrapp.core.errors import InputError, ModelUnusable
from ptrapp.core.settings import BUNDLED_MODEL, Settings
from ptrapp.core.thoughts import GENERIC, TINY
from ptrapp.engines.replaceable import ReplaceableEngine
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.models import smollm2
from ptrapp.services import base_models, examples, fitting, jobs, versions
from ptrapp.services.context import AppContext

WAIT_S = 10.0


def open_scripted(model: str, report: Any) -> ScriptedEngine:
    if "broken" in model:
        raise ModelUnusable(f"The weights in {model!r} are incomplete.")
    bundled = model in ("bundled", str(BUNDLED_MODEL))
    engine = ScriptedEngine(lambda request: "<R> yes", thought_format=TINY if bundled else GENERIC)
    engine.model_id = str(BUNDLED_MODEL) if bundled else model
    return engine


@pytest.fixture
def context(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AppContext]:
    """An app with the bundled model, which may load two folders besides."""
    monkeypatch.setattr(smollm2, "_in_cache", lambda: False)
    for name in ("other", "broken"):
        (tmp_path / "models" / name).mkdir(parents=True)
        for file in ("config.json", "model.safetensors"):
            (tmp_path / "models" / name / file).write_text("{}", encoding="utf-8")
    settings = Settings(data_dir=tmp_path / "data", allow_source=(str(tmp_path / "models"),))
    settings.make_data_folder()
    engine = ReplaceableEngine(open_scripted)
    context = AppContext(settings, database, engine)
    base_models.begin(context, engine, "bundled")
    wait(context)
    yield context
    engine.close()


def wait(context: AppContext) -> None:
    assert isinstance(context.engine, ReplaceableEngine)
    assert context.engine._thread is not None
    context.engine._thread.join(WAIT_S)


def test_the_listing_says_which_answers(context: AppContext) -> None:
    now = base_models.read(context)
    assert [(one.name, one.serving) for one in now.models] == [
        ("bundled", True), ("smollm2", False), ("broken", False), ("other", False),
    ]  # fmt: skip
    assert (now.serving, now.loading, now.refusal, now.replaceable) == ("bundled", "", "", True)


def test_another_model_answers_and_the_next_start_knows(
    context: AppContext, tmp_path: Path
) -> None:
    base_models.load(context, "other")
    wait(context)
    folder = str((tmp_path / "models" / "other").resolve())
    assert context.base_model == folder
    assert base_models.status(context).serving == "other"
    noted = context.settings.data_dir / "served-model.txt"
    assert noted.read_text(encoding="utf-8").strip() == folder


def test_a_model_that_cannot_be_loaded_is_said_and_the_one_before_answers(
    context: AppContext,
) -> None:
    base_models.load(context, "broken")
    wait(context)
    now = base_models.status(context)
    assert now.serving == "bundled"
    assert now.refusal == "broken was not loaded: The weights in 'broken' are incomplete."


def test_only_what_is_listed_can_be_chosen(context: AppContext, tmp_path: Path) -> None:
    for name in ("/etc", str(tmp_path / "models" / "other"), "owner/name", ""):
        with pytest.raises(InputError, match="--allow-source"):
            base_models.load(context, name)


def test_the_model_of_a_server_is_not_chosen_here(database: Database, tmp_path: Path) -> None:
    context = AppContext(Settings(data_dir=tmp_path), database, ScriptedEngine(["<R> yes"]))
    with pytest.raises(InputError, match="A server has the model"):
        base_models.load(context, "bundled")


def test_a_job_is_for_the_model_that_answered_when_it_was_queued(context: AppContext) -> None:
    first = jobs.start(context, JobKind.EVALUATE, {"n": 2}, parent="base")
    base_models.load(context, "other")
    wait(context)
    second = jobs.start(context, JobKind.EVALUATE, {"n": 2}, parent="base")
    with context.database.read() as session:
        bases = [session.get_one(Job, one).payload["base_model"] for one in (first, second)]
    assert bases[0] == "bundled"
    assert Path(bases[1]).name == "other"


def test_examples_and_what_is_told_fit_the_model(context: AppContext) -> None:
    assert fitting.knows_sums_only(context)
    base_models.load(context, "other")
    wait(context)
    assert not fitting.knows_sums_only(context)
    for sums in (True, False):
        ready = examples.examples(sums=sums)
        assert len(ready) == examples.N_EXAMPLES
        assert all(examples.is_example(prompt, answer) for prompt, answer in ready)
    assert not examples.is_example("another", None)


@pytest.fixture
def trained(context: AppContext, adapter_folder: Callable[..., Path]) -> Callable[[str], str]:
    """Makes a version of the model that answers, and has it answer."""

    def serve(name: str) -> str:
        folder = adapter_folder(name)
        with context.database.write() as session:
            adapters.register(
                session, name=name, parent_id=None, job_id=None, snapshot_id=None,
                base_model=context.engine.model_id, path=str(folder),
                sha256=weights_sha256(folder), metrics={},
            )  # fmt: skip
        versions.serve(context, name, by="a test", reason="it is one")
        return name

    return serve


def test_the_same_order_for_another_model_is_another_job(context: AppContext) -> None:
    first = jobs.start(context, JobKind.PTR_DATA, {"n_queries": 3}, parent="base")
    with pytest.raises(AlreadyQueued):
        jobs.start(context, JobKind.PTR_DATA, {"n_queries": 3}, parent="base")
    base_models.load(context, "other")
    wait(context)
    second = jobs.start(context, JobKind.PTR_DATA, {"n_queries": 3}, parent="base")
    assert second != first


def test_each_model_comes_back_with_the_version_that_answered_last_on_it(
    context: AppContext, trained: Callable[[str], str]
) -> None:
    ours = trained("dpo-000001")
    base_models.load(context, "other")
    wait(context)
    assert versions.serving(context) == "base"
    theirs = trained("dpo-000002")
    for model, version in (("bundled", ours), ("other", theirs), ("bundled", ours)):
        base_models.load(context, model)
        wait(context)
        assert (versions.serving(context), version in context.engine.published()) == (version, True)


def test_a_model_that_answered_without_a_version_comes_back_without_one(
    context: AppContext, trained: Callable[[str], str]
) -> None:
    trained("dpo-000001")
    versions.serve(context, "base")
    for model in ("other", "bundled"):
        base_models.load(context, model)
        wait(context)
        assert versions.serving(context) == "base"
