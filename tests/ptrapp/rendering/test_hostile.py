"""Whatever a model writes, the page gets listed tags and attributes, all closed, and text."""

import random
from html.parser import HTMLParser

import pytest

from ptrapp.rendering import MAX_CHARS, render
from ptrapp.rendering.sanitising import ATTRIBUTES, CLASS_NAMES, TAGS, sanitised

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><svg/onload=alert(1)>",
    "<a href='javascript:alert(1)' onclick=alert(1) style='position:fixed'>x</a>",
    "[x](javascript:alert(1)) [x](JaVaScRiPt:alert(1)) [x](java&#115;cript:alert(1))",
    "[x](java\tscript:alert(1)) [x](\x01javascript:alert(1)) [x](&#x6A;avascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=) [x](vbscript:x) [x](file:///etc/passwd)",
    "[x](//evil.example) [x](/api/v1/me) [x](#top) [x](http:evil) [x](http://) [x](ftp://a.b)",
    "[x]: javascript:alert(1)\n\n[x] ![x]",
    "![x](http://evil.example/pixel.png?who) ![x](data:image/svg+xml,<svg/onload=alert(1)>)",
    "<javascript:alert(1)> <data:text/html,x> <mailto:a@b.c> <a@b.c> <http://a.b/\"onx=1>",
    '[x](http://a.b/"onmouseover="alert(1)) [x](http://a.b "t\\" onclick=alert(1)") [x](<http://a.b/ c>)',
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<math><annotation-xml encoding='text/html'><script>alert(1)</script></annotation-xml></math>",
    "$\\text{<script>alert(1)</script>}$ $\\text{</math><img src=x onerror=alert(1)>}$",
    "$\\mathrm{<img src=x>}$ $\\operatorname{<b>}$ $<script>$ \\(</math><script>\\) $a<b>c$",
    "$\\href{javascript:alert(1)}{x}$ $\\style{position:fixed}{x}$ $\\class{a}{x}$ $\\unicode{x3c}$",
    "$\\color{red;background:url(//x)}{x}$ $\\hspace{9999em}$ $\\text{&lt;script&gt;}$ $\\text{&#60;b&#62;}$",
    "$$\\begin{array}{c\"onx=1}a\\end{array}$$ $\\rule{1em\" onx=1}{2em}$ $\\verb|<script>|$",
    "<style>*{display:none}</style> <style><img src='</style><img src=x onerror=alert(1)>'>",
    "<!-- <img src=x> --> <!--> <?php x ?> <![CDATA[<b>]]> <!DOCTYPE html>",
    "<form action=//x><input name=a autofocus onfocus=alert(1)><button>a</form>",
    "<iframe src=//x></iframe><object data=x></object><embed src=x><base href=//x><link rel=x><meta http-equiv=refresh>",
    "</div></div></body></html><div id=root class=vote>",
    "&lt;script&gt;alert(1)&lt;/script&gt; &#60;script&#62; &NewLine; &Tab; &colon; &#0; &#x202e;",
    "```\"><script>alert(1)</script>\ncode\n```",
    "```python onclick=alert(1)\n'</code></pre><script>'\n```\n```<b>\nx",
    "`<img src=x onerror=alert(1)>` ``</code><script>``",
    "|<b>|`|`|\n|--|:-:|\n|<script>|[x](javascript:1)|\n",
    "# <h1 onclick=x>\n<h1>\n===\n* <li>\n> <blockquote>\n1. </ol>",
    "[a](http://b.c)[[[x](http://y.z)](http://d.e)](http://f.g) **_~~a",
    "<x\n\n<b <i <a href=\"\n\n</p </ <",
    "\x00<\x00script>\u2028\ud800<scr\u200bipt>\u202eevil",
]  # fmt: skip


class _Page(HTMLParser):
    """Refuses what is not listed, what is not closed, and everything that is neither tag nor text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        for name, value in attrs:
            assert value is not None
            if name == "class":
                assert set(value.split()) <= CLASS_NAMES.get(tag, frozenset()), (tag, value)
            elif (tag, name) in {("a", "rel"), ("a", "target")}:
                assert value in {"noopener noreferrer nofollow", "_blank"}
            elif (tag, name) in {("pre", "tabindex"), ("table", "tabindex")}:
                assert value == "0"
            else:
                assert name in ATTRIBUTES.get(tag, frozenset()), (tag, name)
            if name == "href":
                assert value.lower().startswith(("http://", "https://"))
        if tag == "a":
            assert {"rel", "target"} <= {name for name, _ in attrs}
        if tag not in ("br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        pytest.fail(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        pytest.fail(f"a declaration: {decl}")

    unknown_decl = handle_pi = handle_decl


def _read(html: str) -> str:
    page = _Page()
    page.feed(html)
    page.close()
    assert not page.open
    return page.text


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_text_is_inert(attack: str) -> None:
    html = render(attack)
    _read(html)
    assert sanitised(html) == html, "a second reading finds something else in it"


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_sanitiser_alone_holds(attack: str) -> None:
    """Were the parser to let HTML through, this wall would still stand."""
    _read(sanitised(attack.encode("utf-8", "replace").decode()))


def test_the_lists_hold_nothing_that_acts_loads_or_places_itself() -> None:
    assert not TAGS & {
        "script",
        "style",
        "img",
        "iframe",
        "object",
        "form",
        "input",
        "button",
        "svg",
        "annotation-xml",
        "mglyph",
        "div",
    }
    names = {name for listed in ATTRIBUTES.values() for name in listed}
    assert not names & {"style", "id", "src", "xlink:href", "action", "class", "actiontype"}
    assert not [name for name in names if name.startswith("on")]
    assert {tag for tag, listed in ATTRIBUTES.items() if "href" in listed} == {"a"}


def test_markup_of_the_writer_is_shown_as_text() -> None:
    assert "<b onclick=x>bold</b> <!-- not hidden -->" in _read(
        render("<b onclick=x>bold</b> <!-- not hidden -->")
    )


def test_any_mixture_of_pieces_is_inert_and_stable() -> None:
    chance = random.Random(20261121)
    pieces = [piece for attack in ATTACKS for piece in attack.split(" ")]
    pieces += "[]()<>!`*_~|#$\\{}&\"'\n\t -=+:;/"
    pieces += [
        "\n\n",
        "    ",
        "> ",
        "1. ",
        "$$",
        "\\(",
        "\\)",
        "\\[",
        "\\frac",
        "\\text{",
        "```python\n",
    ]
    pieces += ["\\begin{align}", "\\end{align}", "é", "😀", "\u0301", "\ud800"]
    for _ in range(600):
        text = "".join(chance.choices(pieces, k=chance.randrange(1, 40)))
        html = render(text)
        _read(html)
        assert sanitised(html) == html, text


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "bomb",
    [
        ">" * 10_000,
        "[" * 25_000 + "]" * 25_000,
        "![" * 25_000,
        "- " * 25_000,
        "*a **b " * 7_000,
        "\\[\n" * 16_000,
        "\\begin{align}\n" * 3_500,
        "$a " * 16_000,
        "$" + "\\sqrt{" * 300 + "x" + "}" * 300 + "$",
        "$" + "\\frac" * 390 + "$",
        "$x$ " * 12_000,
        "|a" * 12_000 + "|\n" + "|-" * 12_000 + "|\n|x|",
        "|a" * 1_000 + "|\n" + "|-" * 1_000 + "|\n" + "x\n" * 20_000,
        "```csharp\n" + "a\n" * 4_900,
        "```python\n" + " \n" * 4_900,
        "```sql\n" + "(" * 9_900,
    ],
    ids=lambda bomb: ascii(bomb[:12]),
)  # fmt: skip
def test_a_bomb_comes_back_as_something_that_can_be_shown(bomb: str) -> None:
    html = render(bomb)
    _read(html)
    assert len(html) < 20 * len(bomb) + 1_000


def test_a_very_long_text_is_shown_as_it_is() -> None:
    text = "**a** <b> " * (MAX_CHARS // 10) + "!"
    assert (
        render(text)
        == '<pre class="plain">' + text.replace("<", "&lt;").replace(">", "&gt;") + "</pre>"
    )


def test_the_same_text_gives_the_same_html_whatever_came_before() -> None:
    first = render("$x^2$ and `b`")
    render("$y$ " * 3_000)
    render.__globals__["_short"].cache_clear()
    assert render("$x^2$ and `b`") == first
