"""What follows an event so that somebody who does not see the page knows what came of it."""

from typing import Any

_TELL = """async () => {
  for (let looks = 0; looks < 30; looks += 1) {
    await new Promise((on) => setTimeout(on, 100));
    const detail = document.querySelector("%s")?.innerText.trim().slice(0, 300);
    if (detail) return void document.dispatchEvent(new CustomEvent("said", { detail }));
  } }"""
_SELECT = """() => setTimeout(() => {
  const field = document.querySelector("%s :is(input, textarea)");
  if (!field) return;
  field.focus();
  field.select(); }, 100)"""
_REST = """() => setTimeout(() => {
  const place = document.querySelector("%s");
  if (!place || document.activeElement !== document.body) return;
  place.tabIndex = -1;
  place.style.outline = "none";
  place.focus({ preventScroll: true }); }, 200)"""


def tell(selector: str) -> dict[str, Any]:
    """Returns an event by which the words of a part of the page are said aloud."""
    return {"fn": None, "js": _TELL % selector, "api_visibility": "private"}


def select(selector: str) -> dict[str, Any]:
    """Returns an event by which a field that came has the focus, to be read and copied."""
    return {"fn": None, "js": _SELECT % selector, "api_visibility": "private"}


def rest(selector: str) -> dict[str, Any]:
    """Returns an event by which a heading has the focus where the button that had it is gone."""
    return {"fn": None, "js": _REST % selector, "api_visibility": "private"}
