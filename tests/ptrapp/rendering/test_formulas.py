"""Formulas become MathML, money and code stay text, and the unreadable keeps its source."""

import random

import pytest

from ptrapp.rendering import render
from ptrapp.rendering.mathml import MAX_CHARS, to_mathml


@pytest.mark.parametrize(
    ("text", "display"),
    [
        ("so $x^2$.", "inline"),
        ("so \\(x^2\\).", "inline"),
        ("so $$x^2$$.", "block"),
        ("so \\[x^2\\].", "block"),
        ("so\n$$\nx^2\n$$\nand", "block"),
        ("so\n\\[\nx^2\n\\]\nand", "block"),
        ("> - \\[\n>   x^2\n>   \\]", "block"),
        ("\\begin{equation}\nx^2\n\\end{equation}", "block"),
        ("|a|\n|-|\n|$x^2$|", "inline"),
        ("**$x^2$**", "inline"),
        ("the $x^2$th", "inline"),
    ],
)
def test_every_way_to_write_a_formula(text: str, display: str) -> None:
    html = render(text)
    assert html.count("<math") == 1
    assert f'<math display="{display}">' in html
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in html
    assert "$" not in html


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 and $6.",
        "She pays $5, he has $x.",
        "$5 or 10$ and 7$",
        "9 * $2 = **$18**",
        "5*$2+3*$4=$22",
        "$<<9*2=18>>18 and $2",
        "US$5 and A$6",
        'echo "$HOME/bin:$PATH"',
        "$(mktemp)date=$",
        "a $ b $ c",
        "\\$x\\$",
        "`$x$` and `\\(x\\)`",
        "```\n$x$\n\\[\nx\n\\]\n```",
        "    $x$",
        "$$ and nothing",
        "\\( and nothing",
        "\\[\n\nx\n\n\\]",
    ],
)
def test_what_is_no_formula_stays_text(text: str) -> None:
    assert "<math" not in render(text)
    assert "formula" not in render(text)


def test_markdown_inside_a_formula_is_not_read() -> None:
    assert "<em>" not in render("$a_1 * b_2 * c_3$ and \\(a*b*c\\)")


def test_lines_of_a_display_stand_below_each_other() -> None:
    for tex in ("a &= b \\\\ c &= d", "\\begin{aligned} a &= b \\\\ c &= d \\end{aligned}"):
        html = render(f"\\[\n{tex}\n\\]")
        assert html.count("<mtr>") == 2
        assert "&amp;" not in html
    assert render("$$ a = b \\\\ = c $$").count("<mtr>") == 2


def test_text_in_a_formula_is_escaped_before_anything_is_sanitised() -> None:
    assert "<mtext>&lt;b&gt;&amp;</mtext>" in str(to_mathml("\\text{<b>&}"))


def test_unreadable_formulas_keep_their_source() -> None:
    for tex in ("\\frac{a", "x^2^3", "\\unheardof{x}", "}{x", "\\left( x"):
        html = render(f"so ${tex}$.")
        assert f'<code class="formula">${tex}$</code>' in html


def test_a_formula_is_bounded_in_length_and_depth() -> None:
    assert to_mathml("x" * (MAX_CHARS + 1)) is None
    assert to_mathml("{" * 41 + "x" + "}" * 41) is None
    assert to_mathml("\\sqrt" * 100 + "x") is None
    assert to_mathml("\\sqrt{" * 9 + "x" + "}" * 9) is not None


def test_after_enough_formulas_in_one_text_the_rest_is_source() -> None:
    html = render("$abcdefghij$ " * 2_000)
    assert html.count("<math") == 600
    assert html.count('<code class="formula">') == 1_400


def test_no_broken_tex_raises() -> None:
    chance = random.Random(6)
    pieces = r"""
    \frac \sqrt [ ] { } ^ _ & \\ \left( \right) \left \right \begin{matrix} \end{matrix}
    \begin{array}{cc} \end{array} \begin \text{a \text \hat \over \limits \sum \color \binom
    \genfrac \substack ' \prime \not \big \middle| \tag{1} \hline \cr \verb|a| % a 1 1.5 -1em
    \hspace{1em} \rule \mathbf \mathrm{ab} \operatorname \overset \xrightarrow \phantom \bmod \pmod
    \atop \displaystyle \skew \cfrac \root \lim \Bigl \class{a} \style{ \href{a}{b} \unicode{
    \mathop \array \matrix \cases \underbrace \sideset \label \begin{cases} \end{cases}
    \begin{align*} \end{align*} \quad \; | \| < > " é 😀 \boxed
    """
    for _ in range(3_000):
        tex = " ".join(chance.choices(pieces.split(), k=chance.randrange(1, 12)))
        answer = to_mathml(tex, display=chance.random() < 0.5)
        assert answer is None or answer.startswith("<math")
