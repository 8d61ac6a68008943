"""Where a file names an action of the old API: in a request, for a function that makes one, for later."""

import re
from collections.abc import Iterator

from canary.core.actions import lookup
from canary.toolkit.inventory import signs
from canary.toolkit.inventory.languages import Role
from canary.toolkit.inventory.model import Site, SiteKind
from canary.toolkit.inventory.source import Source


def site_at(source: Source, offset: int, kind: SiteKind, **more: str) -> Site:
    """A site at an offset of a file."""
    return Site(source.path, source.line(offset), source.column(offset), kind, **more)


def said(source: Source, offset: int) -> bool:
    """Whether what stands there is data: in a string, or where text needs no quotes."""
    return source.language.bare_words or source.string_at(offset) is not None


def _call(source: Source, offset: int, name: str) -> Site:
    known = lookup(name)
    return site_at(source, offset, SiteKind.CALL, action=known.name if known else name)


# --- in a request ---------------------------------------------------------------------------------------------


def asked(source: Source) -> Iterator[Site]:
    """Values of the parameter ``action``."""
    patterns = [signs.IN_QUERY, signs.KEYED]
    if source.language.role is not Role.CODE:
        patterns.append(signs.UNQUOTED)
    for pattern in patterns:
        for found in pattern.finditer(source.code):
            at, action = found.start("action"), found.group("action")
            meant = lookup(action) or signs.LIKE_ONE.match(action)
            if meant and said(source, at) and not _elsewhere(source.code, found.start()):
                yield _call(source, at, action)
    yield from _unquoted(source)


def _unquoted(source: Source) -> Iterator[Site]:
    if source.language.name == "ruby":
        for found in signs.SYMBOL.finditer(source.code):
            yield _call(source, found.start("action"), found.group("action"))
    if source.language.name == "php":
        for found in signs.FUNCTION.finditer(source.code):
            name = source.function_at(found.start()).name
            if lookup(name):
                yield _call(source, found.start("action"), name)


_ADDRESS = re.compile(r"(?P<base>[^\s\"'`?=<>]+)\?[^\s\"'`?]*$")


def _elsewhere(code: str, offset: int) -> bool:
    """Whether an action is part of a written out address that is another API's."""
    found = _ADDRESS.search(code, max(0, offset - 200), offset)
    base = found.group("base") if found else ""
    ours = re.search(r"[${}%]", base) or signs.ENDPOINT.search(base) or signs.HOST.search(base)
    return bool(base) and not ours


# --- for a function that asks ---------------------------------------------------------------------------------

_COMPARED = re.compile(r"(?:\bcase|[!=]==?|\bequals(?:IgnoreCase)?\s*\(|\bin\s*[\[(]?|\bwhen)\s*$")
_KEY_OF = re.compile(r"\s*(?:=>|:(?!:))")
_NESTED_KEY = re.compile(r"[{,\[]\s*$")
_BEFORE = 60


def quoted(source: Source) -> Iterator[Site]:
    """Names that are handed to the file's own function for requests, or kept under another name."""
    pattern = signs.WORD if source.language.name == "shell" else signs.QUOTED
    for found in pattern.finditer(source.code):
        at, before = found.start("action"), source.code[max(0, found.start() - _BEFORE) : found.start()]
        mentioned = _COMPARED.search(before) or _is_key(source.code, found, before)
        if mentioned or not said(source, at):
            continue
        site = _call(source, at, found.group("action"))
        kept = _kept(source, at, before)
        yield site_at(source, at, SiteKind.NAME, action=site.action) if kept else site


def _is_key(code: str, found: re.Match[str], before: str) -> bool:
    """Whether the name is the key of a table, not an action that is asked for."""
    return _KEY_OF.match(code, found.end()) is not None and _NESTED_KEY.search(before) is not None


def _kept(source: Source, offset: int, before: str) -> str:
    """The name under which an action's is kept: a constant, a member of an enumeration, of a table."""
    found = signs.KEPT.search(before)
    if found is None or source.language.name == "shell":
        return ""
    name = found.group("name")
    outside = not source.function_at(offset).name
    # in a function it is a parameter of a call, unless it is written like a constant
    return name if name.isupper() or (outside and not before.rstrip().endswith("(")) else ""


def members(source: Source) -> Iterator[Site]:
    """Uses of kept names: the file's own, and those of lists that say by their names what they are."""
    for found in signs.CONSTANT.finditer(source.code):
        known = lookup(found.group("action").replace("_", ""))
        if known is not None:
            yield site_at(source, found.start("action"), SiteKind.CALL, action=known.name)
    kept = {}
    for found in signs.QUOTED.finditer(source.code):
        before = source.code[max(0, found.start() - _BEFORE) : found.start()]
        if name := _kept(source, found.start("action"), before):
            kept[name] = found.group("action")
    for name, action in kept.items():
        owner = "" if name.isupper() else r"(?<=\.)"  # a small name says something after its table's alone
        for used in re.finditer(rf"(?<!\w){owner}{name}\b\s*[,)]", source.bare):
            yield _call(source, used.start(), action)
