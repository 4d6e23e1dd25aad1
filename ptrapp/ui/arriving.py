"""Keeps a page from moving while what it reads arrives: what depends on that is shown when it is
there and stands still, and grey lines until then.

Nothing is held back for good: styles show the page after some seconds, whatever happens.
"""

from typing import Any

import gradio as gr

_SHOW = """async () => {
  const gate = document.querySelector("#arriving [data-reads]");
  if (!gate || --gate.dataset.reads > 0) return;
  const parts = ".column > *, [role=gridcell], [role=columnheader]";
  const place = () => [...document.querySelectorAll(parts)]
    .reduce((sum, one) => sum + 7 * one.offsetTop + one.offsetLeft + one.offsetWidth, 0);
  const until = performance.now() + 1500;
  for (let still = 0, last = -1; still < 6 && performance.now() < until;) {
    await new Promise(requestAnimationFrame);
    const now = place();
    still = now === last ? still + 1 : 0;
    last = now;
  }
  gate.closest("#arriving").classList.add("there");
}"""
ARRIVED: dict[str, Any] = {"fn": None, "js": _SHOW, "api_visibility": "private"}
"""What follows a page's first reading: `pages.load(…).then(**ARRIVED)`."""


def hold(n_reads: int = 1) -> None:
    """Holds back what is built after it until so many readings have come."""
    lines = "<i></i>" * 4
    gr.HTML(
        f'<div data-reads="{n_reads}" aria-hidden="true">{lines}</div>',
        elem_id="arriving",
        apply_default_css=False,
    )
