"""The pages' modules by themselves: a page with nothing on it, and what they compute and draw there."""

from typing import Any

from playwright.sync_api import Page, Route

from ptrapp.core.modules import FOLDER

AT = "http://modules.test/"
TO = "to"
"""The element that `draw` draws into."""


def serve_modules(page: Page) -> None:
    """Has an empty page stand at an address where the modules are, and nothing else answers."""

    def answer(route: Route) -> None:
        path = FOLDER / route.request.url.removeprefix(AT)
        if path.is_file():
            route.fulfill(body=path.read_text(encoding="utf-8"), content_type="text/javascript")
        elif "/api/" in route.request.url:
            route.abort()
        else:
            route.fulfill(body="<!doctype html><body></body>", content_type="text/html")

    page.route(f"{AT}**", answer)
    page.goto(AT)


def ask(page: Page, module: str, expression: str, *given: Any) -> Any:
    """Evaluates an expression over what a module exports, named `m`, and what is `given`."""
    code = f"async (given) => {{ const m = await import('./{module}.js'); return {expression}; }}"
    return page.evaluate(code, list(given))


def run(page: Page, module: str, body: str, *given: Any) -> Any:
    """Runs statements over what a module exports, named `m`, and returns what they return."""
    return ask(page, module, f"await (async () => {{ {body} }})()", *given)


def draw(page: Page, module: str, template: str, *given: Any) -> None:
    """Draws a component; `html` is there, and the module as `m`."""
    code = """async ([module, template, given, id]) => {
        const { html, render } = await import("./html.js");
        const m = await import(`./${module}.js`);
        const to = document.createElement("div");
        to.id = id;
        document.body.replaceChildren(to);
        render(new Function("html", "m", "given", `return ${template}`)(html, m, given), to);
    }"""
    page.evaluate(code, [module, template, list(given), TO])


def drawn(page: Page, module: str, template: str, *given: Any) -> str:
    """Returns the words of what a component draws."""
    draw(page, module, template, *given)
    words = f"document.getElementById('{TO}').textContent.replace(/\\s+/g, ' ').trim()"
    return str(page.evaluate(words))
