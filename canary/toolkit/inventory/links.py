"""Calls that go through something else: a client library, or another file of the repository that wraps the API."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from canary.toolkit.inventory.flow import Act, Flow, Step, act_of, meant, use_of, without_own
from canary.toolkit.inventory.model import Site, SiteKind
from canary.toolkit.inventory.sdks import Imported, action_of
from canary.toolkit.inventory.sites import site_at
from canary.toolkit.inventory.source import Source


@dataclass(frozen=True, slots=True)
class Wrapper:
    """What calls go through, and by which names others know it.

    ``methods`` is ``None`` for a client library, whose methods tell by their names what they do. ``module`` is
    the word by which a file is imported; empty when it says too little.
    """

    name: str
    classes: frozenset[str]
    methods: Mapping[str, tuple[Step, ...]] | None = None
    module: str = ""
    language: str = ""
    functions: frozenset[str] = frozenset()  # those that are called by their names alone

    @property
    def names(self) -> frozenset[str]:
        """Words of which a caller has at least one."""
        return self.classes | ({self.module} if self.module else frozenset())

    def steps(self, method: str) -> tuple[Step, ...]:
        """What a method does; nothing for one that has to do with something else."""
        if self.methods is not None:
            return self.methods.get(method, ())
        known = action_of(method)
        if known is None:
            return ()
        action, status = known
        return (Step(act_of(action), 0, action, meant(action, frozenset({status} if status else ()))),)


_VAGUE = frozenset(
    [
        "client",
        "api",
        "service",
        "provider",
        "main",
        "app",
        "program",
        "utils",
        "util",
        "helper",
        "helpers",
        "config",
        "index",
        "base",
        "core",
        "lib",
        "common",
        "server",
        "bot",
        "models",
        "model",
        "types",
        "handler",
        "handlers",
        "manager",
        "controller",
        "controllers",
        "routes",
        "module",
        "mod",
    ]
)


def wrapper_of(flow: Flow) -> Wrapper | None:
    """A file as others call it; ``None`` when it offers nothing."""
    source, methods = flow.source, without_own(flow.summary())
    if not methods:
        return None
    holding = {scope.head for scope in flow.steps if scope.name}
    classes = frozenset(
        scope.name
        for scope in source.scopes
        if not scope.function
        and any(scope.start <= head < scope.end for head in holding)
        and _telling(scope.name)
    )
    inner = [scope for scope in source.scopes if not scope.function]
    plain = {
        s.name for s in source.functions if not any(outer.start <= s.head < outer.end for outer in inner)
    }
    return Wrapper(
        source.path,
        classes | _go_types(source),
        methods,
        _module(source),
        source.language.name,
        frozenset(plain & methods.keys()),
    )


def _telling(name: str) -> bool:
    return len(name) > 3 and name.lower() not in _VAGUE


def _module(source: Source) -> str:
    path = PurePosixPath(source.path)
    stem = path.name.split(".")[0]
    if source.language.name == "go" or stem in {"index", "__init__", "mod"}:
        stem = path.parent.name
    return stem if _telling(stem) else ""


_GO_RECEIVER = re.compile(r"(?m)^func\s*\(\s*\w*\s*\*?\s*(\w+)\s*\)")


def _go_types(source: Source) -> frozenset[str]:
    if source.language.name != "go":
        return frozenset()
    return frozenset(filter(_telling, _GO_RECEIVER.findall(source.bare)))


def library(imported: Imported) -> Wrapper:
    """A client library as the importing file knows it."""
    return Wrapper(f"sdk:{imported.name}", frozenset(imported.bound))


# --- finding the calls ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Link:
    """One call through a wrapper."""

    wrapper: Wrapper
    method: str
    offset: int

    def site(self, source: Source) -> Site:
        steps = self.wrapper.steps(self.method)
        first = next((step for step in steps if step.act is Act.BUY), steps[0])
        return site_at(source, self.offset, SiteKind.WRAPPER, action=first.action, wrapper=self.wrapper.name)


def links(source: Source, wrapper: Wrapper) -> Iterator[Link]:
    """The calls of a file through a wrapper."""
    imported = bool(wrapper.module) and _imports(source, wrapper)
    by_class = {name for name in wrapper.classes if re.search(rf"(?<!\w){re.escape(name)}\b", source.bare)}
    if not imported and not by_class:
        return
    names = by_class | ({wrapper.module} if imported else set())
    yield from _through(source, wrapper, _receivers(source, names))
    if imported and wrapper.functions:
        yield from _plain(source, wrapper)


def _through(source: Source, wrapper: Wrapper, receivers: set[str]) -> Iterator[Link]:
    """Calls of methods on what holds the wrapper, or on what such a call gave back."""
    for found in _METHOD_CALL.finditer(source.bare):
        method, at = found.group("method"), found.start("method")
        if found.group("receiver") in receivers and _called(source, found) and wrapper.steps(method):
            receivers |= set(_RESULT.findall(source.bare, source.start_of(source.line(at)), found.start()))
            yield Link(wrapper, method, at)


def _plain(source: Source, wrapper: Wrapper) -> Iterator[Link]:
    """Calls of functions that were imported by name."""
    heads = {scope.head for scope in source.scopes}
    for found in use_of(wrapper.functions, source).finditer(source.bare):
        at = found.start("name")
        alone = source.bare[:at].rstrip()[-1:] not in {".", ":", ">"}
        if alone and at not in heads and not _IMPORTING.match(_line(source, at)):
            yield Link(wrapper, found.group("name"), at)


_RESULT = re.compile(r"\$?([A-Za-z_]\w*)(?:\s*,\s*\w+)*\s*:?=\s*(?:await\s+)?(?:this\.|self\.|\$this->)?$")
_METHOD_CALL = re.compile(
    r"(?<![\w$@])[$@]*(?P<receiver>[A-Za-z_]\w*)(?=(?:\(\))?\s*(?:\?\.|!\.|\.|\?->|->|::)\s*(?P<method>[A-Za-z_]\w*[!?]?))"
)
_IMPORTING = re.compile(
    r"\s*(?:\}?\s*from\b|import\b|use\b|using\b|export\b|(?:const|let|var)\b[^=]*=\s*require)"
)


def _called(source: Source, found: re.Match[str]) -> bool:
    return source.language.name == "ruby" or source.bare[found.end("method") :][:40].lstrip()[:1] in {
        "(",
        "<",
    }


def _line(source: Source, offset: int) -> str:
    line = source.line(offset)
    return source.code[source.start_of(line) : source.start_of(line + 1)]


def _imports(source: Source, wrapper: Wrapper) -> bool:
    if source.language.name == wrapper.language == "go" and _package(source.path) == _package(wrapper.name):
        return True
    word = re.escape(wrapper.module)
    return (
        re.search(
            rf"(?m)^[^\n]*(?:\b(?:import|from|require\w*|use|using|include\w*|load|source)\b|^\s*\.\s)[^\n]*(?<![\w-]){word}(?![\w-])"
            rf"|^\s*(?:\w+\s+)?\"[^\"\n]*/{word}\"",
            source.code,
        )
        is not None
    )


def _package(path: str) -> str:
    return str(PurePosixPath(path).parent)


def _receivers(source: Source, names: Iterable[str]) -> set[str]:
    """The names that hold a wrapper, besides its own."""
    receivers = set(names)
    either = "|".join(sorted(map(re.escape, receivers), key=len, reverse=True))
    for pattern in _BOUND:
        text = source.code if "QUOTED" in pattern else source.bare
        for found in re.finditer(pattern.replace("QUOTED", "").replace("NAMES", either), text):
            receivers.update(word for word in found.groups() if word)
    if re.search(_INHERITS.replace("NAMES", either), source.bare):
        receivers |= {"self", "this", "super", "parent"}
    return receivers


_BOUND = (
    r"([A-Za-z_]\w*)(?:\s*,\s*\w+)*\s*(?::\s*[\w.\[\]|? ]+)?\s*(?::=|=)(?!=)\s*(?:await\s+|new\s+|&)*[\w.\\:]*?(?<!\w)(?:NAMES)\b"
    r"(?:(?:\.|::|->)\w+){0,3}\s*[({]",
    r"\b([A-Za-z_]\w*)\s*[?!]?:\s*\??(?:[\w.]*\.)?(?:NAMES)\b",
    r"(?<!\w)(?:NAMES)\b(?:<[^>\n]*>)?[ \t]*[*&?]?[ \t]+\$?([A-Za-z_]\w*)\s*[;,)=]",
    r"\b([A-Za-z_]\w*)[ \t]+\*?(?:\w+\.)?(?:NAMES)\b(?:\.[A-Z]\w*)?\s*[,)\n}]",
    r"(?<!\w)(?:NAMES)\b\s*\([^\n]*?\)\s+as\s+(\w+)",
    r"(?<!\w)(?:NAMES)\b[\w.]*\s+as\s+(\w+)",
    r"QUOTED(?:import\s+(?:\*\s+as\s+)?(\w+)\s+from|(?:const|let|var)\s+(\w+)\s*=\s*(?:await\s+)?(?:require|import)\s*\()\s*[\"'][^\"'\n]*"
    r"(?<![\w-])(?:NAMES)(?:\.\w+)?[\"']",
)
"""How a name comes to hold a wrapper: assigned, typed, entered, imported."""

_INHERITS = r"\bclass\s+\w+\s*(?:\(\s*(?:[\w.]*\.)?|(?:extends|<|:)\s*(?:[\w.\\]*[.\\])?)(?:NAMES)\b"


def foreign_steps(flow: Flow, found: Iterable[Link]) -> list[Step]:
    """The steps that a file makes through wrappers."""
    return [
        replace(flow.called(step, link.method, link.offset), via="")
        for link in found
        for step in link.wrapper.steps(link.method)
    ]
