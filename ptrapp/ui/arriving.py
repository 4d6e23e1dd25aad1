"""Keeps a page from moving while what it reads arrives: what depends on that is shown when it is
there and stands still, and grey lines until then.

Nothing is held back for good: styles show the page after some seconds, whatever happens.
"""

from typing import Any

import gradio as gr

_SHOW = """async () => {
  if (%s) return;
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
_SEEN = """() => new Promise(async (seen) => {
  const until = performance.now() + 30000;
  while (!document.querySelector("#arriving.there") && performance.now() < until)
    await new Promise((on) => setTimeout(on, 100));
  new IntersectionObserver((found, watch) => {
    if (!found.some((one) => one.isIntersecting)) return;
    watch.disconnect();
    seen();
  }, { rootMargin: "200px" }).observe(document.querySelector("%s"));
})"""


def arrived(unless: str = "false") -> dict[str, Any]:
    """Returns what follows a page's first reading: `pages.load(…).then(**ARRIVED)`.

    Where `unless` is true, an expression of the browser's, another reading is still to come.
    """
    return {"fn": None, "js": _SHOW % unless, "api_visibility": "private"}


ARRIVED = arrived()


def when_seen(selector: str) -> dict[str, Any]:
    """Returns what ends once a part of the page is nearly in view, after the page has arrived."""
    return {"fn": None, "js": _SEEN % selector, "api_visibility": "private"}


def hold(n_reads: int = 1) -> None:
    """Holds back what is built after it until so many readings have come."""
    lines = "<i></i>" * 4
    gr.HTML(
        f'<div data-reads="{n_reads}" aria-hidden="true">{lines}</div>',
        elem_id="arriving",
        apply_default_css=False,
    )
