"""One file's text with its comments and strings told apart, and its functions and classes found."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property

from canary.toolkit.inventory.languages import PYTHON, Blocks, Language


@dataclass(frozen=True, slots=True)
class Scope:
    """A function or class by its extent in the text; ``head`` is where its name stands."""

    name: str
    function: bool
    head: int
    start: int
    end: int


class Source:
    """A file as it is searched.

    ``code`` is the text with its comments blanked, ``bare`` also without what is in strings; both keep every
    offset, so that what is found in one is found in all.
    """

    def __init__(self, path: str, language: Language, text: str) -> None:
        self.path = path
        self.language = language
        self.text = text
        self.comments: list[tuple[int, int]] = []
        self.strings: list[tuple[int, int]] = []
        for start, end, comment in _pieces(language, text):
            (self.comments if comment else self.strings).append((start, end))

    @cached_property
    def code(self) -> str:
        return _blanked(self.text, self.comments)

    @cached_property
    def bare(self) -> str:
        return _blanked(self.code, [(start + 1, end - 1) for start, end in self.strings])

    @cached_property
    def loose(self) -> str:
        """The code that is in no function, in its place."""
        extents, end = [], 0
        for scope in self.functions[:-1]:
            if scope.end > end:
                extents.append((max(scope.head, end), scope.end))
                end = scope.end
        return _blanked(self.code, extents)

    @cached_property
    def _lines(self) -> list[int]:
        return [0, *(found.end() for found in re.finditer("\n", self.text))]

    @cached_property
    def _string_starts(self) -> list[int]:
        return [start for start, _ in self.strings]

    @property
    def count(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    def line(self, offset: int) -> int:
        """The line of an offset, from one."""
        return bisect_right(self._lines, offset)

    def column(self, offset: int) -> int:
        """The column of an offset, from one."""
        return offset - self._lines[self.line(offset) - 1] + 1

    def offset(self, line: int, column: int) -> int:
        """Where a line and column are."""
        return self._lines[line - 1] + column - 1

    def start_of(self, line: int) -> int:
        """Where a line begins; the end of the text for one beyond it."""
        return self._lines[line - 1] if line <= len(self._lines) else len(self.text)

    def written(self, line: int) -> str:
        """A line as it stands."""
        return self.text[self.start_of(line) : self.start_of(line + 1)].rstrip("\n")

    def string_at(self, offset: int) -> tuple[int, int] | None:
        """The extent of the string around an offset."""
        index = bisect_right(self._string_starts, offset) - 1
        return self.strings[index] if index >= 0 and offset < self.strings[index][1] else None

    def remarks(self, line: int) -> str:
        """The comments on a line."""
        first, last = self.start_of(line), self.start_of(line + 1)
        return " ".join(self.text[start:end] for start, end in self.comments if first <= start < last)

    @cached_property
    def scopes(self) -> tuple[Scope, ...]:
        """Functions and classes in the order of their heads."""
        return tuple(sorted(_SCOPES[self.language.blocks](self), key=lambda scope: scope.head))

    @cached_property
    def functions(self) -> tuple[Scope, ...]:
        """The functions, and last the whole file for what is outside of them."""
        inner = tuple(scope for scope in self.scopes if scope.function)
        return (*inner, Scope("", True, 0, 0, len(self.text)))

    def function_at(self, offset: int) -> Scope:
        """The innermost function around an offset."""
        around = [scope for scope in self.functions if scope.head <= offset < scope.end]
        return min(around, key=lambda scope: scope.end - scope.head, default=self.functions[-1])


# --- comments and strings -------------------------------------------------------------------------------------


@cache
def _tokens(language: Language) -> re.Pattern[str] | None:
    kinds = (("comment", language.comments), ("string", language.strings))
    groups = [f"(?P<{name}>{'|'.join(patterns)})" for name, patterns in kinds if patterns]
    return re.compile("|".join(groups), re.DOTALL | re.MULTILINE) if groups else None


def _pieces(language: Language, text: str) -> Iterator[tuple[int, int, bool]]:
    tokens = _tokens(language)
    for found in tokens.finditer(text) if tokens else ():
        docstring = language is PYTHON and _alone(text, found)
        yield found.start(), found.end(), found.lastgroup == "comment" or docstring


def _alone(text: str, found: re.Match[str]) -> bool:
    """Whether a long string is a statement of its own: a docstring, or code put away."""
    line = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
    before = text[: found.start()].rstrip()[-1:]
    return (
        found.group().startswith(('"""', "'''")) and not line.strip() and before not in {"(", ",", "=", "["}
    )


def _blanked(text: str, extents: list[tuple[int, int]]) -> str:
    parts, at = [], 0
    for start, end in extents:
        parts += [text[at:start], re.sub(r"[^\n]", " ", text[start:end])]
        at = max(at, end)
    return "".join([*parts, text[at:]])


# --- functions and classes ------------------------------------------------------------------------------------

_INDENTED = re.compile(r"^([ \t]*)(?:async[ \t]+)?(def|class)[ \t]+(\w+)", re.MULTILINE)
_END = re.compile(r"^([ \t]*)end\b", re.MULTILINE)
_ENDED = re.compile(r"^([ \t]*)(def|class|module)[ \t]+(?:self\.)?([\w:]+[?!]?)", re.MULTILINE)


def _indented(source: Source) -> Iterator[Scope]:
    for found in _INDENTED.finditer(source.bare):
        depth = len(found.group(1).expandtabs())
        line = source.line(found.start(3)) + 1
        # a head over several lines ends with the first line that is indented no deeper and closes no bracket
        while line <= source.count and not _leaves(source, line, depth):
            line += 1
        yield Scope(
            found.group(3), found.group(2) == "def", found.start(3), found.end(), source.start_of(line)
        )


def _leaves(source: Source, line: int, depth: int) -> bool:
    text = source.bare[source.start_of(line) : source.start_of(line + 1)].expandtabs()
    stripped = text.strip()
    return bool(stripped) and len(text) - len(text.lstrip()) <= depth and stripped[0] not in ")]}"


def _ended(source: Source) -> Iterator[Scope]:
    ends: dict[str, list[int]] = {}
    for found in _END.finditer(source.bare):
        ends.setdefault(found.group(1), []).append(found.end())
    for found in _ENDED.finditer(source.bare):
        closing = ends.get(found.group(1), [])
        at = bisect_right(closing, found.end())
        end = closing[at] if at < len(closing) else len(source.text)
        yield Scope(
            found.group(3).rpartition(":")[2], found.group(2) == "def", found.start(3), found.end(), end
        )


_NO_NAMES = frozenset(
    [
        "if",
        "for",
        "while",
        "switch",
        "catch",
        "foreach",
        "using",
        "lock",
        "synchronized",
        "elseif",
        "match",
        "when",
        "unless",
        "with",
        "return",
        "function",
        "func",
        "fn",
        "fun",
        "new",
        "else",
        "do",
        "try",
        "finally",
        "select",
        "loop",
        "guard",
        "await",
        "typeof",
        "sizeof",
        "and",
        "or",
        "not",
        "in",
        "until",
        "case",
        "then",
        "super",
    ]
)
_CLASS = re.compile(
    r"\b(?:class|interface|struct|enum|trait|object|impl|module|namespace|record|extension)\s+(\w+)"
)
_GO_TYPE = re.compile(r"\btype\s+(\w+)\s+(?:struct|interface)\s*$")
_FUNCTION = re.compile(
    r"\b(?:function|func|fun|fn|def)\b\s*\*?\s*&?\s*(?:\([^()]*\)\s*)?(\w+)\s*(?:<[^<>]*>)?\s*\("
)
_ASSIGNED = re.compile(
    r"([A-Za-z_$]\w*)\s*(?::[^=;]*?)?[=:]\s*(?:async\s*)?(?:function\b[^{]*"
    r"|(?:\((?:[^;{}()]|\{[^{}]*\}|\([^()]*\))*\)|\w+)\s*(?::[^=;{}]*)?=>\s*)$"
)
_TYPE_BRACES = re.compile(r"<[^<>{}]*\{[^{}]*\}[^<>{}]*>|(?<=:)\s*\{[^{}]*\}(?=\s*$)")
_METHOD = re.compile(
    r"(?P<before>[\w\]>?*&.)]*)\s*(?<![\w.])(?P<name>[A-Za-z_$]\w*)\s*(?:<[^<>()]*>)?\s*\((?:[^()]|\([^()]*\))*\)"
    r"\s*(?:(?::|->|throws\b|const\b|override\b|async\b|where\b)[^;{}()]*)?$"
)
_SHELL_FUNCTION = re.compile(r"\bfunction\s+([\w-]+)\s*$")
_GO_RESULT = re.compile(r"\bfunc\b[^{};]*$")
_HEAD = 400
"""Characters before a brace in which its head is looked for."""


@dataclass(frozen=True, slots=True)
class _Open:
    """A brace that waits for its match: its scope, how deep in parentheses it stands, where its head began.

    ``typed``: it opens a type, not a block.
    """

    scope: tuple[str, bool, int, int] | None
    depth: int
    edge: int
    typed: bool


_TYPED = re.compile(r"(?:<|\)\s*:|[|&])\s*$")


def _braced(source: Source) -> Iterator[Scope]:
    opened: list[_Open] = []
    text, edge, depth = source.bare, 0, 0
    for found in re.finditer(r"[{}();]", text):
        sign, at = found.group(), found.start()
        if sign in "()":
            depth += 1 if sign == "(" else -1
        elif sign == "{":
            typed = _TYPED.search(text, max(edge, at - _HEAD), at) is not None
            opened.append(
                _Open(None if typed else _headed(text, max(edge, at - _HEAD), at), depth, edge, typed)
            )
            edge = at + 1
        elif sign == "}" and opened:
            last = opened.pop()
            depth = last.depth
            # a brace in parentheses is part of the head that they belong to
            inner = last.typed or depth != (opened[-1].depth if opened else 0)
            edge = last.edge if inner else at + 1
            if last.scope is not None:
                yield Scope(*last.scope, at + 1)
        elif sign == ";" and depth == (opened[-1].depth if opened else 0):
            edge = at + 1
    yield from _short_arrows(source)


def _headed(text: str, start: int, brace: int) -> tuple[str, bool, int, int] | None:
    """The scope that a brace opens: name, whether it is a function, where its name stands, where it begins."""
    head = _TYPE_BRACES.sub(lambda braces: "_" * len(braces.group()), text[start:brace].rstrip())
    found = _CLASS.search(head) or _GO_TYPE.search(head)
    if found:
        return found.group(1), False, start + found.start(1), brace
    found = (
        _FUNCTION.search(head)
        if head.endswith((")", "]")) or _GO_RESULT.search(head) or ")" in head
        else None
    )
    found = found or _ASSIGNED.search(head) or _SHELL_FUNCTION.search(head)
    if found:
        return found.group(1), True, start + found.start(1), brace
    found = _METHOD.search(head)
    if found is None or found.group("name") in _NO_NAMES or found.group("before").endswith("."):
        return None
    return found.group("name"), True, start + found.start("name"), brace


_PARAMETERS = r"(?:\((?:[^;{}()]|\{[^{}]*\}|\([^()]*\))*\)|\w+)\s*(?::[^=;{}\n]*)?=>\s*+(?!\{)"
_SHORT = re.compile(rf"\b(?:const|let|var)\s+([A-Za-z_$]\w*)\s*(?::[^=;\n]*)?=\s*(?:async\s*)?{_PARAMETERS}")
_SHORT_MEMBER = re.compile(rf"(?m)^[ \t]*([A-Za-z_$]\w*)\s*[:=]\s*(?:async\s*)?{_PARAMETERS}")
_STATEMENT_END = re.compile(r";|\n(?=\s*\n)|\n(?=(?:export|const|let|var|function|async|class|module|//)\b)")


_MEMBER_END = re.compile(r"[;,]?\n")


_BODY = 4000
"""Characters in which an expression ends."""


def _short_arrows(source: Source) -> Iterator[Scope]:
    """Arrow functions whose body is an expression."""
    for pattern, ending in ((_SHORT, _STATEMENT_END), (_SHORT_MEMBER, _MEMBER_END)):
        for found in pattern.finditer(source.bare):
            last = min(len(source.text), found.end() + _BODY)
            end = ending.search(source.bare, found.end(), last)
            yield Scope(found.group(1), True, found.start(1), found.end(), end.start() if end else last)


def _none(source: Source) -> Iterator[Scope]:
    yield from ()


_SCOPES = {Blocks.INDENT: _indented, Blocks.END: _ended, Blocks.BRACES: _braced, Blocks.NONE: _none}
