"""What a file is written in: where its comments and strings are, how its functions begin and end."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import PurePosixPath


class Role(StrEnum):
    """What a file is for; hazards of the program's logic are looked for in code alone."""

    CODE = "code"
    CONFIG = "config"
    DOCS = "docs"


class Blocks(StrEnum):
    """How a function's extent is written."""

    BRACES = "braces"
    INDENT = "indent"
    END = "end"  # at the indentation of its head
    NONE = "none"


_DOUBLE = r'"(?:\\.|[^"\\\n])*"'
_SINGLE = r"'(?:\\.|[^'\\\n])*'"
_CHAR = r"'(?:\\.|[^'\\\n])'"
_TEMPLATE = r"`(?:\\.|[^`\\])*`"
_RAW = r"`[^`]*`"
_VERBATIM = r'@"(?:[^"]|"")*"'
_LONG = r'"""(?:\\.|[^\\])*?"""'
_LONG_SINGLE = r"'''(?:\\.|[^\\])*?'''"

_SLASHES = r"(?<![:\"'])//[^\n]*"
_STARS = r"/\*.*?(?:\*/|\Z)"
_HASH = r"#[^\n]*"
_SPACED_HASH = r"(?:(?<=\s)|^)#[^\n]*"
_BEGIN_END = r"^=begin\b.*?(?:^=end\b|\Z)"
_SEMICOLON = r"^[ \t]*;[^\n]*"
_MARKUP = r"<!--.*?(?:-->|\Z)"


@dataclass(frozen=True, slots=True)
class Language:
    """How one kind of file is read. ``comments`` and ``strings`` are patterns; a comment beats a string."""

    name: str
    role: Role = Role.CODE
    comments: tuple[str, ...] = (_SLASHES, _STARS)
    strings: tuple[str, ...] = (_LONG, _DOUBLE, _CHAR)
    blocks: Blocks = Blocks.BRACES

    @property
    def bare_words(self) -> bool:
        """Whether text needs no quotes there: configuration, documents, shell."""
        return self.role is not Role.CODE or self.name == "shell"


PYTHON = Language(
    "python", comments=(_HASH,), strings=(_LONG, _LONG_SINGLE, _DOUBLE, _SINGLE), blocks=Blocks.INDENT
)
JAVASCRIPT = Language("javascript", strings=(_DOUBLE, _SINGLE, _TEMPLATE))
TYPESCRIPT = Language("typescript", strings=(_DOUBLE, _SINGLE, _TEMPLATE))
PHP = Language("php", comments=(_SLASHES, r"#(?!\[)[^\n]*", _STARS), strings=(_DOUBLE, _SINGLE))
GO = Language("go", strings=(_DOUBLE, _CHAR, _RAW))
JAVA = Language("java")
KOTLIN = Language("kotlin")
CSHARP = Language("csharp", strings=(_VERBATIM, _LONG, _DOUBLE, _CHAR))
RUBY = Language("ruby", comments=(_HASH, _BEGIN_END), strings=(_DOUBLE, _SINGLE), blocks=Blocks.END)
SHELL = Language("shell", comments=(_SPACED_HASH,), strings=(_DOUBLE, _SINGLE))
OTHER = Language(
    "other", strings=(_LONG, _LONG_SINGLE, _DOUBLE, _SINGLE)
)  # Dart, Rust, Swift, Scala and the like

SETTINGS = Language("settings", Role.CONFIG, (_SPACED_HASH, _SEMICOLON), (), Blocks.NONE)
DATA = Language("data", Role.CONFIG, (_MARKUP,), (), Blocks.NONE)
DOCUMENT = Language("document", Role.DOCS, (), (), Blocks.NONE)

_BY_SUFFIX = {
    suffix: language
    for language, suffixes in (
        (PYTHON, "py pyw pyi"),
        (JAVASCRIPT, "js mjs cjs jsx vue svelte"),
        (TYPESCRIPT, "ts tsx mts cts"),
        (PHP, "php phtml inc"),
        (GO, "go"),
        (JAVA, "java groovy"),
        (KOTLIN, "kt kts"),
        (CSHARP, "cs"),
        (RUBY, "rb rake gemspec"),
        (SHELL, "sh bash zsh ksh"),
        (OTHER, "dart rs swift scala c cc cpp h hpp lua"),
        (SETTINGS, "yaml yml toml ini cfg conf env properties tf tfvars hcl dist mod"),
        (DATA, "json json5 xml csproj props gradle lock ipynb postman_collection"),
        (DOCUMENT, "md mdx rst txt adoc html htm tmpl"),
    )
    for suffix in suffixes.split()
}

_BY_NAME = {
    "dockerfile": SETTINGS,
    "makefile": SHELL,
    "gemfile": RUBY,
    "rakefile": RUBY,
    "jenkinsfile": JAVA,
    "procfile": SHELL,
    "requirements.txt": SETTINGS,
    "pipfile": SETTINGS,
    ".env": SETTINGS,
}

MANIFESTS = re.compile(
    r"(?i)(?:^|/)(?:[\w.-]*requirements[\w.-]*\.(?:txt|in)|pyproject\.toml|pipfile|setup\.(?:py|cfg)|package\.json"
    r"|composer\.json|go\.mod|pom\.xml|build\.gradle(?:\.kts)?|gemfile|[\w.-]+\.(?:gemspec|csproj))$"
)
"""Files that declare what a program depends on."""


@cache
def _suffix_language(suffix: str) -> Language | None:
    return _BY_SUFFIX.get(suffix)


def language_of(path: str) -> Language | None:
    """The language of a file by its name; ``None`` for a file that is not looked into."""
    name = PurePosixPath(path).name.lower()
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name.startswith((".env.", "dockerfile.")) or name.endswith(".env"):
        return SETTINGS
    if MANIFESTS.search(path) and name.endswith((".txt", ".in")):
        return SETTINGS
    return _suffix_language(name.rpartition(".")[2]) if "." in name else None
