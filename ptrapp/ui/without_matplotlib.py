"""Events are answered without matplotlib, with which no page of ours draws.

Gradio (6.31) imports it, where it is installed, at the first event that is answered and sets its
backend around each: 0.3 s of the CPU that the first visitor after a start waits for.
"""

from contextlib import nullcontext

from gradio import utils


def leave_out_matplotlib() -> None:
    """Has Gradio answer events without it."""
    vars(utils)["MatplotlibBackendMananger"] = nullcontext
