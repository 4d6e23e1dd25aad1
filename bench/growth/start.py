"""Measures the start of the app to its first page, beside the import of Gradio alone."""

import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from bench.labels.app import start_app
from bench.labels.processes import clean_environment


def measure_start(n: int) -> dict[str, Any]:
    """Starts both `n` times, one after the other, on an empty data folder that was used once."""
    ours, theirs, cpu_s = [], [], []
    with TemporaryDirectory(prefix="bench-growth-") as name:
        folder = Path(name)
        start_app(folder, health="/").close()
        for _ in range(n):
            seconds, cpu = _import_gradio()
            theirs.append(seconds)
            app = start_app(folder, health="/")
            ours.append(app.start_s)
            cpu_s.append((app.usage().cpu_s, cpu))
            app.close()
    return {
        "to_first_page_s": median(ours),
        "import_gradio_s": median(theirs),
        "ratio": median(ours) / median(theirs),
        "cpu_s": {
            "app": median(each[0] for each in cpu_s),
            "gradio": median(each[1] for each in cpu_s),
        },
    }


def _import_gradio() -> tuple[float, float]:
    """Returns seconds by the clock and of the CPU."""
    environment = clean_environment("THRICE_") | {"GRADIO_ANALYTICS_ENABLED": "False"}
    started = perf_counter()
    program = subprocess.Popen([sys.executable, "-c", "import gradio"], env=environment)
    _, status, usage = os.wait4(program.pid, 0)
    seconds = perf_counter() - started
    program.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise SystemExit("Gradio could not be imported.")
    return seconds, usage.ru_utime + usage.ru_stime
