"""Starts Thrice: reads the settings, assembles the app, and serves until a signal ends it."""

import gc
import logging
import os
import signal
import socket
import sys
import time
import warnings
from contextlib import ExitStack
from dataclasses import dataclass, field
from threading import Thread, Timer
from typing import TYPE_CHECKING

# Before Gradio: pydantic searches all modules that are loaded for the docstrings of settings.
from ptrapp.core.settings import Settings, load_settings

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
# Its summary of the last 10,000 events, which nobody sees, takes 7 to 14 ms of the CPU after each.
os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**9)

import gradio as gr
import uvicorn

from db.storage.errors import DatabaseError
from db.storage.session import open_database
from ptrapp.api.connections import REST_S, bounded
from ptrapp.api.door_routes import add_door
from ptrapp.api.errors import answer_errors
from ptrapp.api.guard import Guard, security_headers
from ptrapp.api.hosts import hosts_of
from ptrapp.api.kept_files import KeptFiles
from ptrapp.api.late_routes import LateApp, LateRoutes, Routes
from ptrapp.api.module_files import add_modules
from ptrapp.api.no_route import NoRoute
from ptrapp.api.outdated_pages import OutdatedPages
from ptrapp.api.proxy import BehindProxy
from ptrapp.api.session import secret_key, with_sessions
from ptrapp.api.uploads import Uploads
from ptrapp.core import logs
from ptrapp.core.errors import ConfigurationError, ThriceError
from ptrapp.core.people import Role
from ptrapp.core.progress import OnProgress
from ptrapp.core.spaces import on_spaces
from ptrapp.core.version import VERSION
from ptrapp.engines.base import Engine
from ptrapp.engines.opening import open_engine
from ptrapp.engines.process.engine import EngineProcess
from ptrapp.engines.replaceable import ReplaceableEngine
from ptrapp.judges.opening import close_judge, open_judge
from ptrapp.models.finding import as_remembered, check_named, find_model
from ptrapp.models.progress import TerminalBar, throttled
from ptrapp.services import base_models, other_apps, play
from ptrapp.services.accounts import entering
from ptrapp.services.backups.schedule import BackupSchedule
from ptrapp.services.context import AppContext
from ptrapp.services.data_folder import alone
from ptrapp.services.files.importing import finish_imports
from ptrapp.services.kept_state import KeptState
from ptrapp.services.pinned_answers import PinAnswerer
from ptrapp.services.publisher import Publisher
from ptrapp.services.reading_ahead import read_ahead
from ptrapp.services.worker_process import WorkerSupervisor
from ptrapp.ui import layout, theme

if TYPE_CHECKING:
    from ptrapp.services.keeping.opening import Fetched

log = logging.getLogger("thrice")

warnings.filterwarnings("ignore", message="SSR mode is not supported")  # gradio 6.31's, not ours

DRAIN_S = 3
"""Seconds that open requests are given when the app ends."""
PAGES_FIRST_S = 1.0
"""Seconds after which the HTTP routes are built, if no page or program has asked for one before."""
READ_AHEAD_S = 5.0
"""Seconds after the model is there until what pages count is counted, if none has asked before."""
FAREWELL_S = 3.0
"""Seconds that pages show why the model could not be loaded, before the app ends for that."""


def main(flags: list[str]) -> int:
    """Runs the app. Returns 0 after a clean end, 2 when it cannot start, which stderr explains."""
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, _end)
    try:
        settings = load_settings(flags, **on_spaces())
        logs.set_up(settings.log_level)
        with ExitStack() as stack:
            serve(settings, stack)
    except (ThriceError, DatabaseError, OSError) as error:
        print(f"Thrice cannot start: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def serve(settings: Settings, stack: ExitStack) -> None:
    """Assembles the app and serves; `stack` closes every part, in the opposite order."""
    listener = _listen(settings)
    stack.callback(listener.close)
    settings.make_data_folder()
    stack.enter_context(alone(settings))
    fetched = _fetched(settings)
    settings = as_remembered(settings)
    check_named(settings)
    database = open_database(settings.database)
    stack.callback(database.dispose)
    judge = open_judge(settings, apart=True)
    stack.callback(close_judge, judge)
    bar = TerminalBar()
    stack.callback(bar.close)
    engine = ReplaceableEngine(lambda model, report: _open(settings, model, report), bar)
    stack.callback(engine.close)
    worker = WorkerSupervisor(settings) if settings.worker else None
    kept = KeptState() if fetched is not None else None
    context = AppContext(settings, database, engine, judge, worker=worker, kept=kept)
    other_apps.abandon_runs(context)
    others = other_apps.OtherApps(context)
    others.start()
    stack.callback(others.close)
    publisher = Publisher(context)
    answerer = PinAnswerer(context)
    stack.callback(play.stop_all, context)
    if worker is not None:
        stack.callback(worker.stop)
        worker.start()
    if fetched is not None and kept is not None:
        keeper = fetched.keep(context, kept)
        keeper.start()
        stack.callback(keeper.close)  # before the worker ends, which may take a while
    Thread(target=finish_imports, args=(context,), name="imports", daemon=True).start()
    backups = BackupSchedule(context)
    backups.start()
    stack.callback(backups.close)
    app = build_app(context)
    config = uvicorn.Config(
        app,
        log_level="warning",
        timeout_graceful_shutdown=DRAIN_S,
        timeout_keep_alive=REST_S,
        proxy_headers=False,
        http=bounded(settings.max_connections, settings.request_timeout_s),
    )
    server = uvicorn.Server(config)
    first = _FirstModel(context, server, publisher, answerer, bar)
    stack.callback(first.close)
    base_models.begin(context, engine, settings.model, ready=first.ready, failed=first.failed)
    log.info("The pages are at %s; the model is being loaded", settings.address)
    if settings.visitor_role is not Role.ADMIN and (secret := entering.set_up(context)):
        link = f"{settings.address}/join?token={secret}"
        said = f"Open this once, within a day, to be its admin: {link}"
        print(said, file=sys.stderr)  # noqa: T201  # the only way in
    gc.freeze()  # what is there now stays: no later search for garbage stops a request for it
    gc.enable()
    late = Timer(PAGES_FIRST_S, app.build_late)
    late.daemon = True
    late.start()
    stack.callback(late.cancel)
    server.run(sockets=[listener])
    if first.error is not None:
        raise first.error


def _fetched(settings: Settings) -> "Fetched | None":
    """Fetches the data from where it is kept; returns None where no copy is kept."""
    if not settings.keep_in:
        return None
    from ptrapp.services.keeping.opening import fetch_kept  # the hub's client: not for others

    return fetch_kept(settings)


def _open(settings: Settings, model: str, report: OnProgress) -> Engine:
    """Opens the engine of a model, which is fetched or converted first where it must be."""
    chosen = settings
    if model != settings.model:
        chosen = settings.model_copy(update={"model": model})
    found = find_model(chosen, throttled(report))
    return EngineProcess(found, report) if found.engine == "local" else open_engine(found)


@dataclass(slots=True)
class _FirstModel:
    """What follows from the model that the app was started with: it serves, or ends."""

    context: AppContext
    server: uvicorn.Server
    publisher: Publisher
    answerer: PinAnswerer
    bar: TerminalBar
    error: Exception | None = None
    publishing: bool = False
    reading: Timer = field(init=False)

    def __post_init__(self) -> None:
        self.reading = Timer(READ_AHEAD_S, read_ahead, [self.context])
        self.reading.daemon = True

    def ready(self) -> None:
        self.bar.close()
        self.publisher.start()
        self.answerer.start()
        self.publishing = True
        self.reading.start()
        log.info("Thrice is ready: %s", self.context.settings.address)

    def failed(self, error: Exception) -> None:
        """Ends the app with the reason, a moment after its pages could say it too."""
        self.bar.close()
        self.error = error
        time.sleep(FAREWELL_S)
        self.server.should_exit = True

    def close(self) -> None:
        self.reading.cancel()
        if self.publishing:
            self.answerer.close()
            self.publisher.close()


def _routes(context: AppContext) -> Routes:
    from ptrapp.api.routes import build_router  # what they take and answer: after the pages

    router = build_router(context)
    return [*router.routes, NoRoute(router.prefix)]


def build_app(context: AppContext) -> LateApp:
    """Returns routes, pages and protections as one ASGI application."""
    settings = context.settings
    app = LateApp(
        title="Thrice",
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    answer_errors(app)
    app.router.routes.append(LateRoutes("/api/v1", lambda: _routes(context)))
    add_door(app, context)
    if settings.hf_client_id:
        from ptrapp.api.hub_login import add_hub_login  # its library: not for others

        add_hub_login(app, context)
    add_modules(app, framed=settings.framed)
    pages = layout.build(context)
    gr.mount_gradio_app(
        app,
        pages,
        path="/",
        theme=theme.THEME,
        show_error=True,
        ssr_mode=False,
        run_history=False,
        footer_links=[],  # the foot is our own
        root_path=settings.root_path or None,
    )
    app.add_middleware(OutdatedPages, pages=pages.app_id)
    app.add_middleware(Uploads, context=context)
    app.add_middleware(with_sessions, key=secret_key(settings.data_dir), context=context)
    app.add_middleware(KeptFiles)  # outside of the sessions: nobody is looked up for them
    app.add_middleware(
        Guard,
        serves=hosts_of(settings),
        headers=security_headers(
            framed=settings.framed,
            framed_by=settings.framed_by,
            hub=settings.hf_provider if settings.hf_client_id else "",
        ),
        timeout_s=settings.request_timeout_s,
    )
    app.add_middleware(BehindProxy, root_path=settings.root_path, trusted=settings.trusted_proxy)
    return app


def _listen(settings: Settings) -> socket.socket:
    """Binds the port before anything slow begins. Raises `ConfigurationError` when it is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # asyncio sends small answers at once only where TCP is named; unnamed, each waits 40 ms
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"port {settings.port} on {settings.host} cannot be used ({error.strerror}). "
            f"Stop the program that has it, or choose another: --port {settings.port % 65535 + 1}"
        ) from error
    listener.listen(128)
    return listener


def _end(*_: object) -> None:
    """Ends the process at the first signal by an exception, so that every part is closed."""
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.SIG_IGN)
    raise SystemExit(0)
