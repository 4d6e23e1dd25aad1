"""Signs of 16 × 16 for HTML that the server draws; `html.js` has them for the modules."""

_PATHS = {
    "check": "M3.5 8.5l3 3 6-7",
    "x": "M4.5 4.5l7 7M11.5 4.5l-7 7",
    "dots": "M4 8h.1M8 8h.1M12 8h.1",
    "star": "M8 2.2l1.8 3.7 4 .6-2.9 2.8.7 4L8 11.4l-3.6 1.9.7-4-2.9-2.8 4-.6z",
}

WORDS = {True: "right", False: "wrong", None: "not checked"}
"""What the verifier found, in words."""
SIGNS = {True: ("ok", "check"), False: ("bad", "x"), None: ("", "dots")}
"""The same as the class and the sign of a mark."""


def icon(name: str) -> str:
    """Returns a sign as SVG, which screen readers pass over."""
    return f"<svg class='i' viewBox='0 0 16 16' aria-hidden='true'><path d='{_PATHS[name]}'/></svg>"
