"""How Markdown, code and characters look on the page."""

from html import escape

import pytest

from ptrapp.rendering import is_plain, render, visible
from ptrapp.rendering.highlighting import CLASSES
from ptrapp.rendering.markdown import to_html
from ptrapp.rendering.sanitising import sanitised


def test_ordinary_markdown_is_html() -> None:
    assert render("**b** *i* ~~s~~ `c`\nline") == (
        "<p><strong>b</strong> <em>i</em> <s>s</s> <code>c</code><br>\nline</p>\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "The sum is 4.",
        'It\'s "so" (c) ... -- 3 - 2, 5 + 1; x^2 = 4!',
        "1.5 is more",
        "Ünïcödé 漢字 🙂",
        "-5 is less --- and -- or",
        "a  b",
        "me@example.com",
        "",
    ],
)
def test_a_plain_text_is_drawn_as_it_is(text: str) -> None:
    assert is_plain(text)
    assert render(text) == (f"<p>{escape(text, quote=False)}</p>\n" if text else "")
    assert render(text) == sanitised(to_html(text))  # what the parser would have made of it


@pytest.mark.parametrize(
    "text",
    [
        "a\nb",
        "1. one",
        "- one",
        "+ one",
        "**b**",
        "`c`",
        "<b>",
        "$x$",
        "\\(x\\)",
        "a@b://c",
        "# h",
        "---",
        " - - -",
        "-- --",
        "-",
        "+",
        "1.",
        "2)",
        "    code",
        "\tcode",
    ],
)
def test_what_markdown_may_draw_is_not_plain(text: str) -> None:
    assert not is_plain(text)


@pytest.mark.parametrize(
    "text",
    ["3*3=<<3*3=9>>9", "150*2/100, 50*.01 and 6*2.5\nx*y", "(2+3)*(4+5)*2", "2**3**4", "a*b*c"],
)
def test_a_product_keeps_its_stars(text: str) -> None:
    assert text.count("*") == render(text).count("*")
    assert "<em>" not in render(text)
    assert "<strong>" not in render(text)


def test_emphasis_stands_beside_words_and_within_them_where_those_have_no_spaces() -> None:
    assert render("*it* **is** foo**bar**") == (
        "<p><em>it</em> <strong>is</strong> foo<strong>bar</strong></p>\n"
    )
    assert render("It is *right*. *So*-so, *a* (b), *c*(d), *e*, *f*!").count("<em>") == 6
    assert render("这是*重要*的") == "<p>这是<em>重要</em>的</p>\n"


def test_headings_stay_below_those_of_the_page() -> None:
    html = render("# a\n## b\n### c\n###### d\ne\n===\n")
    assert [tag in html for tag in ("<h1", "<h2", "<h3")] == [False] * 3
    assert (html.count("<h4>"), html.count("<h5>"), html.count("<h6>")) == (2, 1, 2)


def test_a_link_says_where_it_leads() -> None:
    html = render("[my bank](https://evil.example/?a=1&b=2)")
    assert ">my bank</a> (https://evil.example/?a=1&amp;b=2)" in html
    assert 'target="_blank" rel="noopener noreferrer nofollow"' in html


def test_an_address_that_is_its_own_text_is_said_once() -> None:
    assert render("<https://a.example>").count("https://a.example") == 2
    assert render("https://a.example") == "<p>https://a.example</p>\n"


def test_a_look_alike_address_is_spelled_out() -> None:
    assert "(https://xn--pple-43d.com)" in render("<https://аpple.com>")


def test_an_image_is_told_and_not_loaded() -> None:
    assert render("![a cat](https://a.example/cat.png)") == (
        "<p>[image: a cat (https://a.example/cat.png)]</p>\n"
    )


def test_columns_of_a_table_keep_their_side_without_a_style() -> None:
    html = render("|a|b|c|\n|:--|:-:|--:|\n|1|2|3|\n")
    assert '<td class="center">2</td>' in html
    assert '<td class="right">3</td>' in html
    assert "style" not in html


def test_a_list_begins_where_its_writer_began() -> None:
    assert '<ol start="3">' in render("3. c\n4. d")


@pytest.mark.parametrize("answer", ["4.", "12)", "-", "*"])
def test_a_list_of_nothing_is_what_was_written(answer: str) -> None:
    assert render(answer) == f"<p>{answer}</p>\n"
    assert render(f"So:\n\n{answer}") == f"<p>So:</p>\n<p>{answer}</p>\n"
    assert render(f"> {answer}").count(answer) == 1


def test_a_list_keeps_its_empty_items() -> None:
    assert render("1. a\n2.\n").count("<li>") == 2


def test_code_is_coloured_by_its_named_language_only() -> None:
    assert '<span class="k">return</span>' in render("```python\nreturn 1 < 2\n```")
    assert '<span class="k">return</span>' in render("```C++\nreturn 1;\n```")
    plain = '<pre tabindex="0"><code>return 1 &lt; 2\n</code></pre>\n'
    assert render("```\nreturn 1 < 2\n```") == plain
    assert render("```klingon\nreturn 1 < 2\n```") == plain


@pytest.mark.parametrize(
    "language", ["c", "cpp", "csharp", "java", "python", "html", "sql", "bash"]
)
def test_coloured_code_reads_as_it_was_written(language: str) -> None:
    code = 'int main() { /* a */ return "b\\"" + \'c\' + 0x1F; } // d\n#include <x>\n\n    @e\n'
    html = render(f"```{language}\n{code}```")
    for name in CLASSES:
        html = html.replace(f'<span class="{name}">', "")
    shown = html.replace("</span>", "").replace("&lt;", "<").replace("&gt;", ">")
    assert shown == f'<pre tabindex="0"><code>{code}</code></pre>\n'


@pytest.mark.parametrize("gap", [" " * 200, "a" * 201, "\n" * 9, " \n\t\n" * 5])
def test_code_that_would_mislead_a_lexer_is_not_coloured(gap: str) -> None:
    assert "<span" in render(f"```python\nreturn\n1{gap[:5]}\n```")
    assert "<span" not in render(f"```python\nreturn\n1{gap}\n```")


def test_what_reverses_or_hides_is_dropped_and_controls_are_seen() -> None:
    assert visible("a\u202eb\u2066c\u200bd\ufeffe\U000e0041f") == "abcdef"
    assert visible("pass\u200dword") == "password"
    assert visible("\x1b[31m\x00\x7f") == "␛[31m␀␡"
    assert visible("a\r\nb\rc\u2028d") == "a\nb\nc\nd"
    assert visible("\ud800") == "\ufffd"
    assert "\u202e" not in render("&#x202e;a") + render("$\\text{\u202e&#x202e;}$")


def test_characters_that_belong_to_a_script_stay() -> None:
    for text in ("👩‍👩‍👧 ❤️", "می‌خواهم", "क्‍ष", "é e\u0301", "naïve\tend\n", "日本"):
        assert visible(text) == text


def test_a_tower_of_accents_is_cut_and_a_row_of_selectors_is_one() -> None:
    assert visible("a" + "\u0301" * 500) == "a" + "\u0301" * 4
    assert visible("😀" + "\ufe0f" * 500) == "😀\ufe0f"


def test_what_is_visible_stays_as_it_is() -> None:
    text = visible("a\u200b\r\n\x1b\u202e" + "\u0301" * 9)
    assert visible(text) == text
