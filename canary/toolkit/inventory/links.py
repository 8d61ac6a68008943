"""Calls that go through something else: a client library, or another file of the repository that wraps the API."""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from canary.toolkit.inventory.asking import site_at
from canary.toolkit.inventory.flow import Act, Flow, Step, use_of
from canary.toolkit.inventory.model import Site, SiteKind
from canary.toolkit.inventory.modules import Import, Known, imports_of, known_by
from canary.toolkit.inventory.source import Source
from canary.toolkit.inventory.wrappers import Wrapper, speaks


@dataclass(frozen=True, slots=True)
class Link:
    """One call through a wrapper: ``method`` as the wrapper calls it, ``after`` where its name ends here."""

    wrapper: Wrapper
    method: str
    offset: int
    after: int

    def site(self, source: Source) -> Site:
        steps = self.wrapper.steps(self.method)
        first = next((step for step in steps if step.act is Act.BUY), steps[0])
        return site_at(source, self.offset, SiteKind.WRAPPER, action=first.action, wrapper=self.wrapper.name)


def links(source: Source, wrappers: Iterable[Wrapper]) -> Iterator[Link]:
    """The calls of a file through wrappers."""
    imports = imports_of(source)
    for wrapper in wrappers:
        yield from _links(source, imports, wrapper)


def _links(source: Source, imports: Iterable[Import], wrapper: Wrapper) -> Iterator[Link]:
    known = _known(source, imports, wrapper)
    library = wrapper.methods is None
    classes = set(known.names)  # whatever is imported from a wrapper may be one, or make one
    classes |= {
        name
        for name in wrapper.classes
        if (library or speaks(name) or known.everything) and _named(source, name)
    }
    if not (known or classes):
        return
    yield from _through(source, wrapper, _receivers(source, classes | known.modules))
    yield from _made(source, wrapper, classes)
    functions = {here: there for here, there in known.names.items() if there in wrapper.functions}
    if known.everything:
        functions |= {name: name for name in wrapper.functions}
    if functions:
        yield from _alone(source, wrapper, functions)


def _known(source: Source, imports: Iterable[Import], wrapper: Wrapper) -> Known:
    if wrapper.methods is None:
        return Known()
    same_folder = posixpath.dirname(source.path) == posixpath.dirname(wrapper.name)
    if source.language.name == "go" and same_folder:
        return Known(everything=True)
    return known_by(imports, source, wrapper.name)


def _named(source: Source, name: str) -> bool:
    return re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", source.bare) is not None


_METHOD_CALL = re.compile(
    r"(?<![\w$@])[$@]*(?P<receiver>[A-Za-z_]\w*)"
    r"(?=(?:\(\))?\s*(?:\?\.|!\.|\.|\?->|->|::)\s*(?P<method>[A-Za-z_]\w*[!?]?))"
)
_MADE_CALL = r"(?<![\w$])(?:NAMES)(?:\.new|::\w+)?\s*\([^()\n]*\)\)?\s*(?:\.|->)(?P<method>[A-Za-z_]\w*[!?]?)"
"""A call of a method on what was made in the same breath."""

_RESULT = re.compile(r"\$?([A-Za-z_]\w*)(?:\s*,\s*\w+)*\s*:?=\s*(?:await\s+)?(?:this\.|self\.|\$this->)?$")


def _through(source: Source, wrapper: Wrapper, receivers: set[str]) -> Iterator[Link]:
    """Calls of methods on what holds the wrapper, or on what such a call gave back."""
    for found in _METHOD_CALL.finditer(source.bare):
        method, at = found.group("method"), found.start("method")
        if (
            found.group("receiver") in receivers
            and _called(source, found.end("method"))
            and wrapper.steps(method)
        ):
            receivers |= set(_RESULT.findall(source.bare, source.start_of(source.line(at)), found.start()))
            yield Link(wrapper, method, at, found.end("method"))


def _made(source: Source, wrapper: Wrapper, classes: set[str]) -> Iterator[Link]:
    if not classes:
        return
    either = "|".join(sorted(map(re.escape, classes), key=len, reverse=True))
    for found in re.finditer(_MADE_CALL.replace("NAMES", either), source.bare):
        if wrapper.steps(found.group("method")) and _called(source, found.end("method")):
            yield Link(wrapper, found.group("method"), found.start("method"), found.end("method"))


def _called(source: Source, after: int) -> bool:
    return source.language.name == "ruby" or source.bare[after : after + 40].lstrip()[:1] in {"(", "<"}


_IMPORTING = re.compile(
    r"\s*(?:\}?\s*from\b|import\b|use\b|using\b|export\b|(?:const|let|var)\b[^=]*=\s*require)"
)


def _alone(source: Source, wrapper: Wrapper, functions: Mapping[str, str]) -> Iterator[Link]:
    """Calls of functions by their names alone."""
    heads = {scope.head for scope in source.scopes}
    for found in use_of(functions, source).finditer(source.bare):
        at, name = found.start("name"), found.group("name")
        line = source.line(at)
        importing = _IMPORTING.match(source.code, source.start_of(line), source.start_of(line + 1))
        if at not in heads and not importing and source.bare[:at].rstrip()[-1:] not in {".", ":", ">"}:
            yield Link(wrapper, functions[name], at, at + len(name))


def _receivers(source: Source, names: Iterable[str]) -> set[str]:
    """The names that hold a wrapper, besides its own."""
    receivers = set(names)
    if not receivers:
        return receivers
    either = "|".join(sorted(map(re.escape, receivers), key=len, reverse=True))
    for pattern in _BOUND:
        for found in re.finditer(pattern.replace("NAMES", either), source.bare):
            receivers.update(found.groups())
    if re.search(_INHERITS.replace("NAMES", either), source.bare):
        receivers |= {"self", "this", "super", "parent"}
    return receivers


_BOUND = (
    # assigned
    r"([A-Za-z_]\w*)(?:\s*,\s*\w+)*\s*(?::\s*[\w.\[\]|? ]+)?\s*(?::=|=)(?!=)\s*(?:await\s+|new\s+|&)*[\w.\\:]*?"
    r"(?<!\w)(?:NAMES)\b(?:(?:\.|::|->)\w+){0,3}\s*[({]",
    # typed: after a colon, before the name, after the name
    r"\b([A-Za-z_]\w*)\s*[?!]?:\s*\??(?:[\w.]*\.)?(?:NAMES)\b",
    r"(?<!\w)(?:NAMES)\b(?:<[^>\n]*>)?[ \t]*[*&?]?[ \t]+\$?([A-Za-z_]\w*)\s*[;,)=]",
    r"\b([A-Za-z_]\w*)[ \t]+\*?(?:\w+\.)?(?:NAMES)\b(?:\.[A-Z]\w*)?\s*[,)\n}]",
    # entered, renamed
    r"(?<!\w)(?:NAMES)\b\s*\([^\n]*?\)\s+as\s+(\w+)",
    r"(?<!\w)(?:NAMES)\b[\w.]*\s+as\s+(\w+)",
)
"""How a name comes to hold a wrapper."""

_INHERITS = r"\bclass\s+\w+\s*(?:\(\s*(?:[\w.]*\.)?|(?:extends|<|:)\s*(?:[\w.\\]*[.\\])?)(?:NAMES)\b"


def foreign_steps(flow: Flow, found: Iterable[Link]) -> list[Step]:
    """The steps that a file makes through wrappers."""
    return [
        replace(flow.called(step, link.method, link.offset, link.after), via="")
        for link in found
        for step in link.wrapper.steps(link.method)
    ]
