"""Comments, strings and functions are told apart in every family of languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.gateway.config import shipped_profile
from canary.toolkit.inventory import languages as lang
from canary.toolkit.inventory.languages import Language, language_of
from canary.toolkit.inventory.scan import take
from canary.toolkit.inventory.source import Source

ALL = sorted(
    {language for language in vars(lang).values() if isinstance(language, Language)}, key=lambda one: one.name
)


def scopes(language: Language, text: str) -> list[tuple[str, int, int]]:
    """Name, first and last line of each function."""
    source = Source("x", language, text)
    return [(s.name, source.line(s.head), source.line(s.end - 1)) for s in source.scopes if s.function]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/b.py", "python"),
        ("A.JS", "javascript"),
        ("x.tsx", "typescript"),
        ("Dockerfile", "settings"),
        ("deploy/Dockerfile.worker", "settings"),
        (".env", "settings"),
        (".env.production", "settings"),
        ("prod.env", "settings"),
        ("requirements-dev.txt", "settings"),
        ("Makefile", "shell"),
        ("README.md", "document"),
        ("go.mod", "settings"),
    ],
)
def test_a_file_is_known_by_its_name(path: str, name: str) -> None:
    """Suffixes, and names that have none."""
    found = language_of(path)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("path", ["a.png", "a", "a.min", "LICENSE", "x.woff2", ""])
def test_what_is_no_text_is_not_looked_into(path: str) -> None:
    """Pictures, fonts and files without a name that says something."""
    assert language_of(path) is None


@pytest.mark.parametrize(
    ("language", "text", "code"),
    [
        (lang.PYTHON, "a # b\nc = '# d'", "a    \nc = '# d'"),
        (lang.PYTHON, '"""doc"""\nx = """text"""', '         \nx = """text"""'),
        (lang.JAVASCRIPT, "a // b\nc = 'http://d' /* e\n*/ f", "a     \nc = 'http://d'     \n   f"),
        (lang.JAVASCRIPT, "u = `http://x/${`y`}`", "u = `http://x/${`y`}`"),
        (lang.PHP, "# a\n#[Attr]\n$b = '# c';", "   \n#[Attr]\n$b = '# c';"),
        (lang.RUBY, "a # b\n=begin\nc\n=end\nd", "a    \n      \n \n    \nd"),
        (lang.SHELL, "a#b # c\n${d#*:}", "a#b    \n${d#*:}"),
        (lang.SETTINGS, "a: b # c\n# d", "a: b    \n   "),
        (lang.DATA, "<a/><!-- b -->", "<a/>          "),
        (lang.GO, "a := `x // y` // z", "a := `x // y`     "),
        (lang.CSHARP, 'a = @"x\\"; // y', 'a = @"x\\";     '),
        (lang.JAVASCRIPT, "a /* never closed\nb", "a                \n "),
    ],
)
def test_comments_are_blanked(language: Language, text: str, code: str) -> None:
    """What is in a comment is no code; what looks like one in a string is none."""
    assert Source("x", language, text).code == code


@given(st.sampled_from(ALL), st.text(max_size=200))
def test_offsets_stay_what_they_are(language: Language, text: str) -> None:
    """Whatever a file holds, code and bare text are as long as it is, line for line."""
    source = Source("x", language, text)
    for other in (source.code, source.bare, source.loose):
        assert [len(line) for line in other.split("\n")] == [len(line) for line in text.split("\n")]
    assert all(0 <= scope.head <= scope.end <= len(text) for scope in source.scopes)


@given(st.text(alphabet="ab\n", max_size=60), st.integers(0, 60))
def test_lines_and_columns_lead_back(text: str, offset: int) -> None:
    """An offset, its line and column, and back."""
    source = Source("x", lang.PYTHON, text)
    at = min(offset, len(text))
    assert source.offset(source.line(at), source.column(at)) == at


TYPESCRIPT = """\
const call = async (params: Record<string, string> = {}) => {
  return { a: 1 };
};
const short = (id: string) => call({ id });
export class A {
  constructor(private readonly k: string) { this.k = k; }
  async get(a: string): Promise<{ id: string; n: number }> {
    if (a) { return go((x) => { x(); }); }
  }
  later = async ({ b }: { b: string }) => {
    b();
  };
}
function g<T>(x: T) { switch (x) { default: } }
"""


def test_functions_in_typescript() -> None:
    """Declarations, methods with types of braces, arrows with and without a body; no branches and callbacks."""
    assert scopes(lang.TYPESCRIPT, TYPESCRIPT) == [
        ("call", 1, 3),
        ("short", 4, 4),
        ("constructor", 6, 6),
        ("get", 7, 9),
        ("later", 10, 12),
        ("g", 14, 14),
    ]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        (
            lang.PYTHON,
            "class A:\n  def f(self,\n    a=1):\n    x\n\n  async def g(): y\nz",
            [("f", 2, 5), ("g", 6, 6)],
        ),
        (lang.GO, "func (c *C) Get(a string) (n N, err error) {\n\tif a {\n\t}\n}\n", [("Get", 1, 4)]),
        (
            lang.JAVA,
            "class A {\n  @X\n  Map<String, A> f(int b) throws E { while (b) { } }\n}",
            [("f", 3, 3)],
        ),
        (lang.PHP, "class A { private function f(?int $a = null): ?array { return [$a]; } }", [("f", 1, 1)]),
        (lang.RUBY, "class A\n  def self.f(x)\n    x.each do |y|\n    end\n  end\nend\n", [("f", 2, 5)]),
        (
            lang.CSHARP,
            "class A { async Task<(int A, int B)> F(int x = 1) { using (var y = x) { } } }",
            [("F", 1, 1)],
        ),
        (lang.KOTLIN, "class A {\n  fun f(x: Int): String {\n    b.on() { x }\n  }\n}", [("f", 2, 4)]),
        (lang.SHELL, "f() {\n  echo ${1}\n}\nfunction g {\n  f\n}\n", [("f", 1, 3), ("g", 4, 6)]),
        (lang.OTHER, "impl A {\n  pub async fn f(&self) -> Result<(), E> {\n    x\n  }\n}", [("f", 2, 4)]),
    ],
)
def test_functions_in_other_languages(
    language: Language, text: str, expected: list[tuple[str, int, int]]
) -> None:
    """Heads over several lines, receivers, annotations, generic types; no blocks that only look like functions."""
    assert scopes(language, text) == expected


def test_what_is_in_no_function() -> None:
    """The code around functions, in its place."""
    source = Source("x", lang.PYTHON, "a\ndef f():\n  b\nc\n")
    assert source.loose.split() == ["a", "def", "c"]
    assert source.function_at(source.text.index("b")).name == "f"
    assert source.function_at(source.text.index("c")).name == ""


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        " ",
        "\n",
        "(",
        "{",
        "'",
        "`${a}`;",
        "/*",
        "a.",
        "a-",
        "country",
        "status",
        "const a = (b) => ",
        "a = ",
        "action: ",
    ],
)
@pytest.mark.parametrize("suffix", ["py", "js", "php", "rb", "sh", "yml", "md"])
def test_no_text_holds_the_scanner_up(piece: str, suffix: str) -> None:
    """A generated file of one thing over and over is read in the time of any other; quadratic would not end here."""
    text = f'u = "https://sms-activate.org/stubs/handler_api.php?action=getNumber"\n{piece * (60_000 // len(piece))}'
    assert take([(f"a.{suffix}", text)], shipped_profile("verifysms")).files
