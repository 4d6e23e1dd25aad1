"""Highlights C, C++, C# and Java with one lexer, in time linear in the code.

The lexers of Pygments look ahead for declarations: 10,000 characters of `a` on lines of their own
take them up to twelve seconds.
"""

from typing import ClassVar

from pygments.lexer import RegexLexer, words
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Text

_KEYWORDS = """
abstract as asm assert async auto await base break case catch checked class co_await co_return
co_yield concept const const_cast consteval constexpr constinit continue decltype default
delegate delete do dynamic_cast else enum event explicit export extends extern final finally
fixed for foreach friend goto if implements implicit import in inline instanceof interface
internal is lock mutable namespace native new noexcept null nullptr operator out override
package params private protected public readonly record ref register reinterpret_cast requires
restrict return sealed sizeof stackalloc static static_assert static_cast strictfp struct super
switch synchronized template this thread_local throw throws transient try typedef typeid
typename typeof union unsafe using var virtual volatile when where while yield true false
"""

_TYPES = """
bool boolean byte char char16_t char32_t decimal double float int int16_t int32_t int64_t int8_t
long object sbyte short signed size_t ssize_t string uint uint16_t uint32_t uint64_t uint8_t
ulong unsigned ushort void wchar_t
"""


class CurlyLexer(RegexLexer):
    """A lexer of comments, strings, numbers and words, whose rules never backtrack."""

    name = "curly"
    tokens: ClassVar = {
        "root": [
            (r"\s+", Text.Whitespace),
            (r"//[^\n]*", Comment.Single),
            (r"/\*", Comment.Multiline, "comment"),
            (r"#[ \t]*[a-z]+[^\n]*", Comment.Preproc),
            (r'"(?:\\.|[^"\\\n])*"?', String),
            (r"'(?:\\.|[^'\\\n])*'?", String.Char),
            (r"@[A-Za-z_]\w*", Name.Decorator),
            (r"\d[\w.]*", Number),
            (words(_KEYWORDS.split(), suffix=r"\b"), Keyword),
            (words(_TYPES.split(), suffix=r"\b"), Keyword.Type),
            (r"[A-Za-z_]\w*(?=\()", Name.Function),
            (r"[^\W\d]\w*", Name),
            (r"[{}()\[\];,.]", Punctuation),
            (r".", Operator),
        ],
        "comment": [
            (r"[^*]+", Comment.Multiline),
            (r"\*/", Comment.Multiline, "#pop"),
            (r"\*", Comment.Multiline),
        ],
    }
