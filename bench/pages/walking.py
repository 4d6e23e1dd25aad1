"""Opens pages in Chromium, and measures when what is there and what it weighed."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from bench.labels.processes import Program
from bench.pages.places import Place, Press
from bench.pages.plot_files import only_for_plots, plots_in

WIDTHS = (390, 1280, 1920)
THEMES = ("light", "dark")
HEIGHT = 900
SETTLE_MS = 2_500
"""How long a page is watched after its content is there: ticks and late pictures move things."""
LIMIT_MS = 90_000
_WATCH = """
window.__shifted = 0;
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.__shifted += one.value;
}).observe({ type: "layout-shift", buffered: true });
"""
_THERE = """([shows, says]) => {
  const says_it = (one) => new RegExp(says).test(one.innerText || one.value);
  const seen = [...document.querySelectorAll(shows)]
    .some((one) => one.checkVisibility({ visibilityProperty: true }) && says_it(one));
  return seen && performance.now();
}"""
_PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"


class Weight:
    """Bytes over the wire by kind, as the browser counts them, headers included."""

    def __init__(self, page: Page) -> None:
        self._known: dict[str, tuple[str, str]] = {}
        """The name of a file and its kind, by the request for it."""
        self._sizes: list[tuple[str, str, int]] = []
        self._answers: list[str] = []
        """The requests for what Gradio's handlers return."""
        self._tools = page.context.new_cdp_session(page)
        self._tools.on("Network.responseReceived", self._told)
        self._tools.on("Network.loadingFinished", self._loaded)
        self._tools.send("Network.enable")
        self._tools.send("Performance.enable", {"timeDomain": "threadTicks"})

    def cpu_s(self) -> float:
        """Returns the seconds of the CPU that the page's main thread has had."""
        found = self._tools.send("Performance.getMetrics")["metrics"]
        return next(float(one["value"]) for one in found if one["name"] == "TaskDuration")

    @property
    def requests(self) -> int:
        return len(self._sizes)

    def by_kind(self) -> Counter[str]:
        """Returns bytes by kind; `plots` are the scripts that come only with one, and its data."""
        plots = only_for_plots(name for name, kind, _ in self._sizes if kind == "script")
        found: Counter[str] = Counter()
        for name, kind, size in self._sizes:
            found["plots" if name in plots else kind] += size
        drawn = sum(map(self._plotted, self._answers))
        return found + Counter(plots=drawn) - Counter(fetch=drawn)

    def _plotted(self, request: str) -> int:
        """Returns the bytes of the plots in an answer, which are sent as they are."""
        body = self._tools.send("Network.getResponseBody", {"requestId": request})["body"]
        return plots_in(body)

    def _told(self, event: dict[str, Any]) -> None:
        name = PurePosixPath(urlsplit(event["response"]["url"]).path).name
        self._known[event["requestId"]] = name, event["type"].lower()

    def _loaded(self, event: dict[str, Any]) -> None:
        name, kind = self._known.get(event["requestId"], ("", "other"))
        self._sizes.append((name, kind, int(event["encodedDataLength"])))
        if (name, kind) == ("data", "fetch"):
            self._answers.append(event["requestId"])


def walk(browser: Browser, app: Program, places: tuple[Place, ...], n: int) -> dict[str, Any]:
    """Returns what was measured of each page."""
    return {place.name: _measured(browser, app, place, n) for place in places}


def find_faults(browser: Browser, app: Program, places: tuple[Place, ...]) -> dict[str, list[str]]:
    """Returns axe's serious and critical findings on each page, at each width, in both themes."""
    axe = Axe()
    found: dict[str, list[str]] = {}
    for place in places:
        found[place.name] = []
        for theme in THEMES:
            with _opened(browser) as page:
                _go(page, app, place, theme)
                for width in WIDTHS:
                    page.set_viewport_size({"width": width, "height": HEIGHT})
                    page.wait_for_timeout(300)
                    for rule in axe.run(page).response["violations"]:
                        if rule["impact"] in ("serious", "critical"):
                            html = rule["nodes"][0]["html"][:160]
                            found[place.name].append(f"{rule['id']}, {theme}, {width}: {html}")
    return found


def _measured(browser: Browser, app: Program, place: Place, n: int) -> dict[str, Any]:
    """Returns medians over `n` first visits, each followed by a second one and by the presses."""
    first: list[dict[str, float]] = []
    again: list[dict[str, float]] = []
    pressed: dict[str, list[dict[str, float]]] = {press.name: [] for press in place.presses}
    weight = Weight
    for _ in range(n):
        with _context(browser) as context:
            for visits in (first, again):
                page = context.new_page()
                page.add_init_script(_WATCH)
                weighed = weight(page)
                before = app.usage().cpu_s
                visits.append(_go(page, app, place) | {"server_cpu_s": app.usage().cpu_s - before})
                page.wait_for_timeout(SETTLE_MS)
                by_kind = weighed.by_kind()
                visits[-1] |= {
                    "shift": page.evaluate("window.__shifted"),
                    "browser_cpu_s": weighed.cpu_s(),
                    "requests": weighed.requests,
                    "kib": sum(by_kind.values()) / 1024,
                    "kib_plots": by_kind["plots"] / 1024,
                    **{f"kib_{kind}": size / 1024 for kind, size in by_kind.items()},
                }
                if visits is again:
                    for press in place.presses:
                        pressed[press.name].append(_press(page, app, press))
                page.close()
    report: dict[str, Any] = {"first": _summary(first), "again": _summary(again)}
    return report | {name: _summary(costs) for name, costs in pressed.items()}


def _go(page: Page, app: Program, place: Place, theme: str = "light") -> dict[str, float]:
    """Opens a page; returns when it painted something, and when its own content was there."""
    mark = "&" if "?" in place.path else "?"
    page.goto(f"{app.address}/{place.path}{mark}__theme={theme}", wait_until="commit")
    content_ms = _wait(page, place.shows, place.says)
    return {"paint_ms": page.evaluate(_PAINTED), "content_ms": content_ms}


def _press(page: Page, app: Program, press: Press) -> dict[str, float]:
    before, began = app.usage().cpu_s, page.evaluate("performance.now()")
    page.locator(press.opens).first.click()
    content_ms = _wait(page, press.shows, press.says) - began
    return {"content_ms": content_ms, "server_cpu_s": app.usage().cpu_s - before}


def _wait(page: Page, shows: str, says: str) -> float:
    seen = page.wait_for_function(_THERE, arg=[shows, says], timeout=LIMIT_MS)
    return float(seen.json_value())


def _summary(visits: list[dict[str, float]]) -> dict[str, float]:
    """Returns the median of each figure; of shifts the largest."""
    names = sorted({name for visit in visits for name in visit})
    said = {name: median(visit.get(name) or 0.0 for visit in visits) for name in names}
    if "shift" in said:
        said["shift"] = max(visit["shift"] for visit in visits)
    return {name: round(value, 3 if value < 10 else 0) for name, value in said.items()}


@contextmanager
def _context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": HEIGHT})
    context.set_default_timeout(LIMIT_MS)
    try:
        yield context
    finally:
        context.close()


@contextmanager
def _opened(browser: Browser) -> Iterator[Page]:
    with _context(browser) as context:
        yield context.new_page()
