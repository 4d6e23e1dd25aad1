"""The database's file is deleted under the running app: a vote is refused, and health says why."""

from pathlib import Path
from typing import Any

from anyio.from_thread import BlockingPortal
from fresh_database import fresh_database

from ptrapp.core.settings import Settings
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.services import play
from ptrapp.services.context import AppContext


def test_no_vote_is_acknowledged_once_the_file_is_deleted(
    tmp_path: Path, ada: Any, portal: BlockingPortal
) -> None:
    from ptrapp import app  # Gradio takes seconds to import

    database = fresh_database(tmp_path)
    context = AppContext(
        Settings(data_dir=tmp_path), database, ScriptedEngine(["<R> 1.", "<R> 2."])
    )
    eve = type(ada)(app.build_app(context), portal)
    key = eve.offer(*eve.play(mode="sample", n=2)[:2])
    (tmp_path / "thrice.db").unlink()

    vote = eve.post("/votes", json={"key": key, "outcome": "left"})
    health = eve.get("/health")
    for refused in (vote, health):
        assert refused.status_code == 503
        assert "deleted or replaced while in use" in refused.json()["error"]
    play.stop_all(context)
    database.dispose()
    assert not (tmp_path / "thrice.db").exists()
