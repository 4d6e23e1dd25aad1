"""The arrows of the design: who may import whom, and which library stays at which edge."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("app", "ptrapp", "db", "training", "bench")

ARROWS: dict[str, set[str]] = {
    # Rows. Tables know nothing; storage is below whatever reads and writes them.
    "db": set(),
    "db.models": set(),
    "db.migrations": {"db.models", "db.storage.append_only"},
    "db.storage": {"db.models"},
    "db.registry": {"db.models", "db.storage"},
    "db.content": {"db.models", "db.storage"},
    "db.people": {"db.models", "db.storage"},
    "db.labelling": {"db.models", "db.storage", "db.content"},
    # The product, from values to pages.
    "ptrapp.core": set(),
    "ptrapp.analysis": {"ptrapp.core"},
    "ptrapp.tasks": {"ptrapp.core"},
    "ptrapp.models": {"ptrapp.core"},
    "ptrapp.engines": {"ptrapp.core"},
    "ptrapp.judges": {"ptrapp.core", "ptrapp.engines", "ptrapp.tasks"},
    # From votes to what may be learnt, for training and export alike: it counts rows, reads none.
    "ptrapp.preferences": {"ptrapp.core", "ptrapp.judges.base", "db.models"},
    # What a job may be asked, for who queues it and for who runs it.
    "ptrapp.recipes": {
        "ptrapp.core",
        "ptrapp.preferences",
        "ptrapp.refinement.options",
        "ptrapp.tasks",
        "db.models",
    },
    "ptrapp.interchange": {"ptrapp.core", "ptrapp.tasks"},
    "ptrapp.refinement": {"ptrapp.core", "ptrapp.engines.base"},
    # What runs inside another program, and is imported by nothing of ours.
    "ptrapp.refinement.inspect_solver": {"ptrapp.core", "ptrapp.tasks"},
    "ptrapp.evaluation": {
        "ptrapp.core",
        "ptrapp.analysis",
        "ptrapp.engines.base",
        "ptrapp.interchange.task_files",
        "ptrapp.judges.base",
        "ptrapp.refinement",
        "ptrapp.tasks",
    },
    # Model text on its way to a reader: what it may look like, and what it may say of itself.
    "ptrapp.rendering": set(),
    "ptrapp.blinding": set(),
    # Files of rows in a store that machines share: below whoever makes, serves or trains on them.
    "ptrapp.artifacts": {
        "ptrapp.core",
        "db.models",
        "db.registry.contents",
        "db.registry.stored_paths",
        "db.storage.atomic_folder",
    },
    "ptrapp.services": {
        "ptrapp.core",
        "ptrapp.artifacts",
        "ptrapp.analysis",
        "ptrapp.tasks",
        "ptrapp.engines.base",
        "ptrapp.engines.replaceable",
        "ptrapp.models",
        "ptrapp.judges.base",
        "ptrapp.judges.names",
        "ptrapp.judges.verifier",
        "ptrapp.interchange",
        "ptrapp.preferences",
        "ptrapp.recipes",
        "ptrapp.refinement",
        "ptrapp.rendering",
        "ptrapp.blinding",
        "db",
    },
    # A route names the judge it asks and the kinds of jobs, and gives errors their status.
    "ptrapp.api": {
        "ptrapp.services",
        "ptrapp.core",
        "ptrapp.interchange.formats",
        "ptrapp.interchange.limits",
        "ptrapp.judges",
        "db.storage.errors",
        "db.models",
    },
    # A page event knows its rater as a route does, and says a database's error in words; what a
    # route may be asked is also called by name. A page draws what analysis found, and names states.
    "ptrapp.ui": {
        "ptrapp.services",
        "ptrapp.core",
        "ptrapp.rendering",
        "ptrapp.analysis",
        "db.models",
        "ptrapp.api.bodies",
        "ptrapp.api.operations",
        "ptrapp.api.session",
        "db.storage.errors",
    },
    # A terminal instead of a page: it queues and watches, and loads no model.
    "ptrapp.cli": {
        "ptrapp.core",
        "ptrapp.interchange.formats",
        "ptrapp.models.finding",
        "ptrapp.services",
        "db.models",
        "db.storage",
    },
    # The composition root, and the command that starts it or one of the others.
    "ptrapp.app": {
        "ptrapp.api",
        "ptrapp.core",
        "ptrapp.engines",
        "ptrapp.judges",
        "ptrapp.models",
        "ptrapp.services",
        "ptrapp.ui",
        "db",
    },
    "ptrapp.__main__": {"ptrapp.app", "ptrapp.cli", "ptrapp.core.version"},
    # Data to adapter. A job is below everything that it does; recipes are above all parts.
    "training.losses": {"ptrapp.recipes"},
    "training.jobs": {
        "ptrapp.core",
        "ptrapp.engines.base",
        "ptrapp.evaluation",
        "ptrapp.recipes",
        "db",
    },
    "training.data": {
        "ptrapp.artifacts",
        "ptrapp.core",
        "ptrapp.preferences",
        "ptrapp.recipes",
        "training.jobs",
        "db",
    },
    "training.policy": {
        "ptrapp.artifacts",
        "ptrapp.core",
        "ptrapp.engines",
        "ptrapp.recipes",
        "training.data",
        "training.jobs",
        "training.losses",
        "db",
    },
    "training.loop": {
        "ptrapp.core",
        "ptrapp.recipes",
        "training.data",
        "training.jobs",
        "training.losses",
        "training.policy",
        "db.models",
        "db.storage.atomic_folder",
    },
    "training.generation": {
        "ptrapp.artifacts",
        "ptrapp.core",
        "ptrapp.engines",
        "ptrapp.tasks",
        "training.jobs",
        "db.models",
        "db.registry",
    },
    "training": {
        "ptrapp.analysis",
        "ptrapp.artifacts",
        "ptrapp.core",
        "ptrapp.engines",
        "ptrapp.evaluation",
        "ptrapp.interchange.task_files",
        "ptrapp.judges",
        "ptrapp.models.finding",
        "ptrapp.preferences",
        "ptrapp.recipes",
        "ptrapp.refinement",
        "ptrapp.services.storing",
        "ptrapp.tasks",
        "db",
    },
    "bench": {"ptrapp", "training", "db"},
    "app": {"ptrapp.__main__"},
}
"""Each part and what of ours it may import besides itself. A part that is not listed has no place."""

EDGES: dict[str, set[str]] = {
    "gradio": {"ptrapp.app", "ptrapp.ui"},
    "altair": {"ptrapp.ui"},
    "uvicorn": {"ptrapp.app", "ptrapp.api.connections"},
    "fastapi": {"ptrapp.app", "ptrapp.api"},
    "starlette": {"ptrapp.api"},
    "sqlalchemy": {"db", "bench.growth", "bench.faults", "bench.labels.recount", "bench.pages"},
    "alembic": {"db"},
    # No torch where a prompt becomes messages or a vote a row: only where tensors are.
    "torch": {
        "ptrapp.engines.local.loading",
        "ptrapp.engines.local.decoding",
        "ptrapp.engines.local.device",
        "ptrapp.engines.local.generating",
        "ptrapp.engines.local.kv",
        "ptrapp.engines.local.rows",
        "ptrapp.engines.local.sampling",
        "ptrapp.engines.local.step",
        "ptrapp.engines.local.model_thread",
        "ptrapp.models.conversion",
        "ptrapp.judges.reward_model",
        "training",
        "bench",
    },
    "transformers": {
        "ptrapp.engines.local.loading",
        "ptrapp.engines.local.decoding",
        "ptrapp.engines.local.generating",
        "ptrapp.engines.local.kv",
        "ptrapp.engines.local.adapters",
        "ptrapp.engines.local.step",
        "ptrapp.models.conversion",
        "ptrapp.judges.reward_model",
        "training",
        "bench",
    },
    "peft": {"ptrapp.engines.local.adapters", "ptrapp.engines.local.step", "training", "bench"},
    "accelerate": {"training"},
    "trl": {"bench"},
    "openai": {"ptrapp.engines.remote"},
    "typer": {"ptrapp.cli", "ptrapp.__main__"},
    "rich": {"ptrapp.cli", "ptrapp.models.progress"},
    "gguf": {"ptrapp.models.conversion"},
    "markdown_it": {"ptrapp.rendering"},
    "latex2mathml": {"ptrapp.rendering"},
    "pygments": {"ptrapp.rendering"},
    "nh3": {"ptrapp.rendering"},
    "pyarrow": {"ptrapp.interchange"},
    "huggingface_hub": {
        "ptrapp.core.hub",
        "ptrapp.interchange",
        "ptrapp.models.smollm2",
        "ptrapp.services.keeping.repository",
    },
    "vllm": set(),
    "inspect_ai": {"ptrapp.refinement.inspect_solver"},
    "if_verifiable": {"ptrapp.tasks.ifeval"},
    "krippendorff": set(),
    "argon2": {"ptrapp.services.accounts"},
    "authlib": {"ptrapp.api.hub_login"},
    "fsspec": {"ptrapp.artifacts.store"},
}
"""Libraries that stay at an edge, and the parts that are this edge."""

CATCHES_ALL = {
    "ptrapp.artifacts.store",  # each file system of fsspec raises what its own library raises
    "ptrapp.api.guard",  # what Gradio's own routes raise at a malformed request is a refusal
    "ptrapp.judges.function_process",  # what a stranger's function raises is its answer
    "db.storage.write_queue",  # a failed commit is handed to every thread that waits for it
    "ptrapp.engines.local.generating",  # what `generate` raises is handed to the model thread
    "ptrapp.engines.replaceable",  # the thread that loads a model ends with a reason on the pages
    "ptrapp.engines.local.model_thread",  # the thread everybody waits for outlives one message
    "ptrapp.engines.process.child",  # whatever the engine raises is an answer to the app
    "training.run",  # the job's process ends with a stored reason
    "bench.warm.forking",  # a forked process ends with its error, and never goes on as its parent
}
"""Edges of threads and processes: modules that may catch every exception."""

LIGHT = ("training.worker", "training.jobs.claim", "training.jobs.payload")
"""The worker never loads a model, so nothing it imports may import torch."""


def _modules() -> dict[str, Path]:
    files = [ROOT / "app.py"]
    for package in PACKAGES[1:]:
        files += (ROOT / package).rglob("*.py")
    named = {".".join(file.relative_to(ROOT).with_suffix("").parts): file for file in files}
    return {name.removesuffix(".__init__"): file for name, file in named.items()}


MODULES = _modules()


def _imports(source: str) -> set[str]:
    """Full names of everything imported anywhere in a module, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names):
                found |= {alias.name for alias in names}
            case ast.ImportFrom(module, names, level):
                assert level == 0, "imports are written in full"
                inside = {f"{module}.{alias.name}" for alias in names}
                found |= {name if name in MODULES else str(module) for name in inside}
    return found


IMPORTS = {name: _imports(file.read_text(encoding="utf-8")) for name, file in MODULES.items()}


def _within(name: str, parts: set[str]) -> bool:
    return any(name == part or name.startswith(part + ".") for part in parts)


def _part_of(module: str) -> str | None:
    parts = [part for part in ARROWS if _within(module, {part})]
    return max(parts, key=len, default=None)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_follow_the_arrows(module: str) -> None:
    if module == "ptrapp":
        assert not IMPORTS[module]
        return
    part = _part_of(module)
    assert part is not None, f"{module} has no place in the design's table"
    ours = {name for name in IMPORTS[module] if name.partition(".")[0] in PACKAGES}
    strangers = {name for name in ours if not _within(name, {part} | ARROWS[part])}
    assert not strangers, f"{module} imports {sorted(strangers)}"


@pytest.mark.parametrize("library", sorted(EDGES))
def test_library_stays_at_its_edge(library: str) -> None:
    users = {name for name, imports in IMPORTS.items() if _uses(imports, library)}
    outside = {name for name in users if not _within(name, EDGES[library])}
    assert not outside, f"{library} is imported by {sorted(outside)}"


def test_there_is_no_circle_hidden_ones_included() -> None:
    graph = {name: {to for to in imports if to in MODULES} for name, imports in IMPORTS.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' → '.join(error.args[1])}")


def test_packages_have_no_circle_either() -> None:
    """Inside every package its modules and sub-packages, each taken as one, form no circle."""
    for package, graph in _siblings().items():
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            pytest.fail(f"a circle in {package or 'the tree'}: {' → '.join(error.args[1])}")


def _siblings() -> dict[str, dict[str, set[str]]]:
    """For every package the arrows between its children, modules and sub-packages alike."""
    found: dict[str, dict[str, set[str]]] = {}
    for name, imports in IMPORTS.items():
        for to in imports & MODULES.keys():
            here, there = name.split("."), to.split(".")
            pairs = zip(here, there, strict=False)
            shared = next((at for at, (one, two) in enumerate(pairs) if one != two), None)
            if shared is not None:
                children = found.setdefault(".".join(here[:shared]), {})
                children.setdefault(here[shared], set()).add(there[shared])
    return found


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_file_holds_one_idea(module: str) -> None:
    if module.startswith("db.migrations.versions"):
        return  # a step of the schema is never rewritten
    n_lines = len(MODULES[module].read_text(encoding="utf-8").splitlines())
    assert n_lines <= 300, f"{module} has {n_lines} lines, so probably two ideas"


@pytest.mark.parametrize("package", PACKAGES[1:])
def test_a_class_name_means_one_thing_in_a_package(package: str) -> None:
    homes: dict[str, list[str]] = {}
    for name, file in MODULES.items():
        if _within(name, {package}):
            for node in ast.parse(file.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    homes.setdefault(node.name, []).append(name)
    twice = {name: where for name, where in homes.items() if len(where) > 1}
    assert not twice, f"two classes of one name: {twice}"


@pytest.mark.parametrize("module", LIGHT)
def test_the_worker_loads_no_torch(module: str) -> None:
    reached, waiting = set(), [module]
    while waiting:
        name = waiting.pop()
        if name in MODULES and name not in reached:
            reached.add(name)
            waiting += [*IMPORTS[name], *_parents(name)]
    heavy = {name for name in reached if _uses(IMPORTS[name], "torch", "transformers", "peft")}
    assert not heavy, f"{module} reaches torch through {sorted(heavy)}"


def test_every_exception_is_caught_only_where_a_thread_or_a_process_ends() -> None:
    catching = {name for name, file in MODULES.items() if _catches_all(file.read_text("utf-8"))}
    assert catching == CATCHES_ALL


def _catches_all(source: str) -> bool:
    """Whether a handler is bare, or names `Exception` or `BaseException`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            if any(
                one is None or ast.unparse(one) in ("Exception", "BaseException") for one in caught
            ):
                return True
    return False


def test_the_arrows_themselves_have_no_circle() -> None:
    TopologicalSorter(
        {part: {_part_of(to) for to in to_} for part, to_ in ARROWS.items()}
    ).prepare()


def _uses(imports: set[str], *libraries: str) -> bool:
    return any(name.partition(".")[0] in libraries for name in imports)


def _parents(name: str) -> list[str]:
    """The packages whose `__init__` runs on the way to a module."""
    parts = name.split(".")
    return [".".join(parts[:size]) for size in range(1, len(parts))]
