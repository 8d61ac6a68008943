"""What calls go through: client libraries, and the repository's own files that wrap the API."""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass

from canary.toolkit.inventory.flow import Flow, Step, act_of, meant, telling
from canary.toolkit.inventory.sdks import Imported, action_of
from canary.toolkit.inventory.source import Source


@dataclass(frozen=True, slots=True)
class Wrapper:
    """One thing that calls go through, and the names that it has.

    ``methods`` is ``None`` for a client library, whose methods tell by their names what they do; ``functions``
    are those of them that belong to no class. ``classes`` holds all of them, however little their names say.
    """

    name: str
    language: str
    classes: frozenset[str]
    methods: Mapping[str, tuple[Step, ...]] | None = None
    functions: frozenset[str] = frozenset()

    def steps(self, method: str) -> tuple[Step, ...]:
        """What a method does; nothing for one that has to do with something else."""
        if self.methods is not None:
            return self.methods.get(method, ())
        known = action_of(method)
        if known is None:
            return ()
        action, status = known
        return (Step(act_of(action), 0, action, meant(action, frozenset({status} if status else ()))),)

    @property
    def words(self) -> tuple[str, ...]:
        """Words of which a caller has at least one: its classes, and what a file is imported by."""
        folder, _, file = self.name.rpartition("/")
        stem = file.split(".")[0]
        if self.language == "go":  # the package by its folder; within the package nothing but the functions
            return (*self.classes, *self.functions, posixpath.basename(folder))
        return (*self.classes, posixpath.basename(folder) if stem in {"index", "__init__", "mod"} else stem)

    def may_be_called_in(self, text: str) -> bool:
        """Whether a file can call through it: cheap, never wrong by no."""
        return any(word in text for word in self.words) and any(
            method in text for method in self.methods or ()
        )


_VAGUE = re.compile(
    r"(?i)clients?|api|services?|providers?|main|app|program|utils?|helpers?|config|index|base|core|lib|common|server|bot"
    r"|models?|types|handlers?|manager|controllers?|routes|module|number|lease|order|phone"
)


def speaks(name: str) -> bool:
    """Whether a class is known by its name alone, without an import that says which one is meant."""
    return len(name) > 3 and not _VAGUE.fullmatch(name)


def wrapper_of(flow: Flow) -> Wrapper | None:
    """A file as others call it; ``None`` when it offers nothing."""
    source = flow.source
    methods = {name: steps for name, steps in flow.summary().items() if telling(name)}
    if not methods:
        return None
    outer = [scope for scope in source.scopes if not scope.function]
    inside = {
        s: [c.name for c in outer if c.start <= s.head < c.end] for s in source.functions if s.name in methods
    }
    classes = {name for names in inside.values() for name in names}
    functions = {scope.name for scope, names in inside.items() if not names}
    return Wrapper(
        source.path,
        source.language.name,
        frozenset(classes) | _go_types(source),
        methods,
        frozenset(functions),
    )


_GO_RECEIVER = re.compile(r"(?m)^func\s*\(\s*\w*\s*\*?\s*(\w+)\s*\)")


def _go_types(source: Source) -> frozenset[str]:
    return frozenset(_GO_RECEIVER.findall(source.bare)) if source.language.name == "go" else frozenset()


def library(imported: Imported, language: str) -> Wrapper:
    """A client library as the importing file knows it."""
    return Wrapper(f"sdk:{imported.name}", language, frozenset(imported.bound))
