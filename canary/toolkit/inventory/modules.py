"""How files of a repository import one another: which file is meant, and by which names it is known then."""

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from canary.toolkit.inventory.source import Source


@dataclass(frozen=True, slots=True)
class Known:
    """How one file knows another.

    ``modules``: names that stand for the whole file. ``names``: its functions and classes by the name that they
    have here. ``everything``: all of them are there as they are called.
    """

    modules: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)
    everything: bool = False

    def __bool__(self) -> bool:
        return bool(self.modules or self.names or self.everything)


@dataclass(frozen=True, slots=True)
class Import:
    """One import of a file: the paths that it may mean, without endings, and how what it means is known then.

    ``path`` is beside the importing file; ``anywhere`` is a tail of a path, empty when there is none.
    """

    path: str
    anywhere: str
    known: Known


def imports_of(source: Source) -> tuple[Import, ...]:
    """What a file imports, read once for all that it may mean."""
    reader = _READERS.get(source.language.name, _included)
    folder, scripts = posixpath.dirname(source.path), source.language.name in _SCRIPTS
    return tuple(
        Import(_plain(posixpath.normpath(posixpath.join(folder, written))), _tail(written, scripts), known)
        for written, known in reader(source)
    )


def known_by(imports: Iterable[Import], source: Source, path: str) -> Known:
    """How a file knows the file at ``path``; nothing of it when it does not import it."""
    means = _means_package if source.language.name == "go" else _means
    target = posixpath.dirname(path) if source.language.name == "go" else _plain(path)
    found = [one.known for one in imports if means(one, target)]
    names = {here: there for known in found for here, there in known.names.items()}
    modules = frozenset(name for known in found for name in known.modules)
    return Known(modules, names, any(known.everything for known in found))


def _means(one: Import, target: str) -> bool:
    return one.path == target or (bool(one.anywhere) and f"/{target}".endswith(f"/{one.anywhere}"))


def _means_package(one: Import, folder: str) -> bool:
    """Go names a package by the module's address and the folder: two pieces tell it well enough."""
    here, there = folder.split("/"), one.anywhere.split("/")
    shared = min(2, len(here), len(there))
    return bool(folder) and here[-shared:] == there[-shared:]


def _tail(written: str, scripts: bool) -> str:
    # a script names a package by its bare name, its own files by a path
    if written.startswith(".") or (scripts and not re.match(r"[@~#]/|src/", written)):
        return ""
    return _plain(re.sub(r"^(?:[@~#$][^/]*/|/+)", "", written))


def _plain(path: str) -> str:
    return re.sub(r"/(?:index|__init__|mod)$", "", re.sub(r"\.\w{1,5}$", "", path))


type Written = tuple[str, Known]
"""An import as it is written, with slashes, and how what it means is known then."""

# --- reading imports ------------------------------------------------------------------------------------------

_SCRIPTS = frozenset({"javascript", "typescript"})

_FROM = re.compile(r"(?m)^[ \t]*from[ \t]+(?P<path>\.*[\w.]*)[ \t]+import[ \t]+(?P<what>\([^)]*\)|[^\n]+)")
_IMPORT = re.compile(r"(?m)^[ \t]*import[ \t]+(?P<path>[\w.]+)(?:[ \t]+as[ \t]+(?P<alias>\w+))?")
_AS = re.compile(r"(\w+)(?:\s+as\s+(\w+))?")


def _python(source: Source) -> Iterator[Written]:
    for found in _FROM.finditer(source.code):
        names = {alias or name: name for name, alias in _AS.findall(found.group("what"))}
        path = _slashed(found.group("path"))
        yield (path, Known(names=names))
        for here, there in names.items():
            yield (posixpath.join(path, there), Known(modules=frozenset({here})))
    for found in _IMPORT.finditer(source.code):
        last = found.group("path").rpartition(".")[2]
        yield (_slashed(found.group("path")), Known(modules=frozenset({found.group("alias") or last})))


def _slashed(dotted: str) -> str:
    name = dotted.lstrip(".")
    up = len(dotted) - len(name)
    return posixpath.join("./" + "../" * (up - 1) if up else "", name.replace(".", "/"))


_SCRIPT = re.compile(
    r"(?:\b(?:import|export)\s+(?:type\s+)?(?P<what>[^\"';()]*?)\s*\bfrom\s*"
    r"|(?:\b(?:const|let|var)\s+(?P<what2>[^=;]+?)\s*=\s*)?(?:await\s+)?\b(?:require|import)\s*\(\s*|\bimport\s+)[\"'](?P<path>[^\"'\n]+)[\"']"
)
_RENAMED = re.compile(r"([\w$]+)(?:\s*(?:\bas\b|:)\s*([\w$]+))?")


def _script(source: Source) -> Iterator[Written]:
    for found in _SCRIPT.finditer(source.code):
        what = found.group("what") or found.group("what2") or ""
        braces = re.search(r"\{([^}]*)\}", what)
        names = {here or there: there for there, here in _RENAMED.findall(braces.group(1))} if braces else {}
        whole = re.findall(r"[\w$]+", re.sub(r"\{[^}]*\}|\*\s+as\b|:.*", " ", what))
        yield (found.group("path"), Known(frozenset(whole), names))


_GO = re.compile(r"(?m)^[ \t]*(?:import\s+)?(?P<alias>[\w.]+\s+)?\"(?P<path>[\w./~-]+)\"\s*$")


def _go(source: Source) -> Iterator[Written]:
    for found in _GO.finditer(source.code):
        alias = (found.group("alias") or "").strip()
        name = alias or found.group("path").rpartition("/")[2]
        yield (found.group("path"), Known(frozenset({name}), everything=alias == "."))


_INCLUDED = re.compile(
    r"(?m)\b(?:require(?:_once|_relative)?|include(?:_once)?|import|load|source)\b[^\"'\n;]{0,80}[\"'](?P<quoted>[^\"'\n]+)[\"']"
    r"|^[ \t]*(?:\.|source)\s+[\"']?(?:\$[^\s/]*/|\$\([^)]*\)/)?(?P<plain>[\w./-]+)"
)


def _included(source: Source) -> Iterator[Written]:
    for found in _INCLUDED.finditer(source.code):
        yield ((found.group("quoted") or found.group("plain")).lstrip("/"), Known(everything=True))


_READERS: Mapping[str, Callable[[Source], Iterator[Written]]] = {
    "python": _python,
    "javascript": _script,
    "typescript": _script,
    "go": _go,
}
