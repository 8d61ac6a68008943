"""Texts in, an inventory out: files one by one, then the files that call through those, then the hazards of each."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from canary.core.policy.model import Profile
from canary.toolkit.inventory import hazards
from canary.toolkit.inventory.flow import Act, Flow
from canary.toolkit.inventory.keys import keys, shown
from canary.toolkit.inventory.languages import Language, Role, language_of
from canary.toolkit.inventory.links import Link, foreign_steps, links
from canary.toolkit.inventory.model import CALLS, FileReport, Group, Hazard, Inventory, Site, SiteKind
from canary.toolkit.inventory.places import Place, places, said
from canary.toolkit.inventory.rules import CHECKS
from canary.toolkit.inventory.sdks import imports
from canary.toolkit.inventory.sites import by_line, found_in
from canary.toolkit.inventory.source import Source
from canary.toolkit.inventory.statuses import CANCEL
from canary.toolkit.inventory.view import Met, View
from canary.toolkit.inventory.wrappers import Wrapper, library, wrapper_of


@dataclass(frozen=True, slots=True)
class Scanned:
    """A file that has to do with the old API."""

    source: Source
    sites: tuple[Site, ...]
    flow: Flow
    links: tuple[Link, ...] = ()

    @property
    def code(self) -> bool:
        return self.source.language.role is Role.CODE


class Scan:
    """An inventory in the making. First every file is seen; then those that name a wrapper are linked.

    Args:
        profile: the new provider's.
    """

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._found: dict[str, Scanned] = {}

    def see(self, path: str, text: str) -> bool:
        """Take in a file; whether it has to do with the old API by itself."""
        language = language_of(path)
        if language is None:
            return False
        source = Source(path, language, text)
        scanned = _scanned(source, found_in(source), [library(one, language.name) for one in imports(source)])
        if scanned is not None:
            self._found[path] = scanned
        return scanned is not None

    def wrappers(self) -> tuple[Wrapper, ...]:
        """The files through which others may call, as far as seen."""
        offered = (wrapper_of(scanned.flow) for scanned in self._found.values() if scanned.code)
        return tuple(wrapper for wrapper in offered if wrapper is not None)

    def link(self, wrappers: Iterable[Wrapper], path: str, text: str) -> None:
        """Look in a file for calls through the wrappers."""
        known, language = self._found.get(path), language_of(path)
        if language is None or language.role is not Role.CODE:
            return
        near = [
            one
            for one in wrappers
            if one.name != path and _akin(one, language) and one.may_be_called_in(text)
        ]
        if not near:
            return
        source = known.source if known else Source(path, language, text)
        scanned = _scanned(source, known.sites if known else (), near, known.links if known else ())
        if scanned is not None:
            self._found[path] = scanned

    @property
    def seen(self) -> tuple[str, ...]:
        """The paths of the files that have to do with the old API."""
        return tuple(self._found)

    def inventory(self) -> Inventory:
        """What was found, in the order of paths."""
        found = [self._found[path] for path in sorted(self._found)]
        through = _through(found)
        mixed = _mixed(found, through)
        reports = tuple(self._report(one, found, through, mixed) for one in found)
        return Inventory(reports, _groups(found), self._profile.name)

    def _report(
        self,
        one: Scanned,
        found: list[Scanned],
        through: Mapping[str, frozenset[str]],
        mixed: frozenset[tuple[str, int]],
    ) -> FileReport:
        source, secrets = one.source, list(keys(one.source, _clients(one)))
        met: list[Met] = [(hazards.HARD_KEY, at, "a key stands here; it is not shown") for at, _ in secrets]
        if one.code:
            view = self._view(one, found, through)
            met += [danger for check in CHECKS for danger in check(view)]
            met += self._places(one, mixed)
        literals = [key for _, key in secrets]

        def text(line: int) -> str:
            return shown(source.written(line), literals)

        dangers = {
            (rule.id, source.line(at)): Hazard(
                rule, source.path, source.line(at), source.column(at), message, text(source.line(at))
            )
            for rule, at, message in met
        }
        return FileReport(
            source.path,
            source.language.name,
            source.language.role,
            tuple(replace(site, text=text(site.line)) for site in one.sites),
            tuple(sorted(dangers.values(), key=lambda hazard: (hazard.line, hazard.rule.id))),
        )

    def _view(self, one: Scanned, found: list[Scanned], through: Mapping[str, frozenset[str]]) -> View:
        path = one.source.path
        near = frozenset[str]().union(*(through.get(name, frozenset()) for name in _names(one)))
        cancelled = any(_cancels(other) for other in found if other.source.path in near and other is not one)
        sdk = frozenset(link.offset for link in one.links if link.wrapper.methods is None)
        return View(one.source, one.sites, one.flow, self._profile, path in through, cancelled, sdk)

    def _places(self, one: Scanned, mixed: frozenset[tuple[str, int]]) -> Iterator[Met]:
        for place in _places(one):
            if place.numeric:
                yield hazards.COUNTRY_ID, place.offset, said(place, self._profile)
            if (one.source.path, place.offset) in mixed:
                other = "ISO codes" if place.numeric else "numeric ids"
                yield (
                    hazards.COUNTRIES_MIXED,
                    place.offset,
                    f"country {place.value} stands here, {other} elsewhere",
                )


def _scanned(
    source: Source, sites: tuple[Site, ...], wrappers: Iterable[Wrapper], before: tuple[Link, ...] = ()
) -> Scanned | None:
    found = (*before, *links(source, wrappers))
    if source.language.role is not Role.CODE or not (sites or found):
        return Scanned(source, sites, Flow(source, ())) if sites else None
    every = by_line((*sites, *(link.site(source) for link in found)))
    flow = Flow(source, sites)
    return Scanned(source, every, Flow(source, sites, foreign_steps(flow, found)) if found else flow, found)


_KIN = (frozenset({"javascript", "typescript"}), frozenset({"java", "kotlin"}))


def _akin(wrapper: Wrapper, language: Language) -> bool:
    """Whether files of the two languages can call one another."""
    pair = {wrapper.language, language.name}
    return len(pair) == 1 or any(pair <= kin for kin in _KIN)


# --- files together -------------------------------------------------------------------------------------------


def _names(one: Scanned) -> frozenset[str]:
    return frozenset(link.wrapper.name for link in one.links if link.wrapper.methods is not None)


def _through(found: Iterable[Scanned]) -> dict[str, frozenset[str]]:
    """Of each wrapping file the files that call through it."""
    callers: dict[str, set[str]] = defaultdict(set)
    for one in found:
        for name in _names(one):
            callers[name].add(one.source.path)
    return {name: frozenset(paths) for name, paths in callers.items()}


def _cancels(one: Scanned) -> bool:
    return any(step.statuses & CANCEL for steps in one.flow.steps.values() for step in steps)


def _places(one: Scanned) -> Iterator[Place]:
    bought = [
        link.after
        for link in one.links
        if any(step.act is Act.BUY for step in link.wrapper.steps(link.method))
    ]
    return places(one.source, bought)


def _clients(one: Scanned) -> Iterator[str]:
    for link in one.links:
        yield from link.wrapper.classes


def _mixed(found: Iterable[Scanned], through: Mapping[str, frozenset[str]]) -> frozenset[tuple[str, int]]:
    """Where the rarer of the two ways to write a country stands, in files that call through the same wrapper."""
    groups: dict[str, list[tuple[str, Place]]] = defaultdict(list)
    for one in found:
        if one.code:
            names = _names(one) or {one.source.path}
            for name in sorted(names):
                groups[name] += [(one.source.path, place) for place in _places(one)]
    return frozenset(
        (path, place.offset)
        for named in groups.values()
        for path, place in named
        if place.numeric is _rarer(named)
    )


def _rarer(named: list[tuple[str, Place]]) -> bool | None:
    numeric = sum(place.numeric for _, place in named)
    if numeric in {0, len(named)}:
        return None
    return numeric < len(named) - numeric


def _groups(found: Iterable[Scanned]) -> tuple[Group, ...]:
    files: dict[str, set[str]] = defaultdict(set)
    calls: dict[str, int] = defaultdict(int)
    for one in found:
        for site in one.sites:
            if site.kind in CALLS:
                name = site.wrapper if site.kind is SiteKind.WRAPPER else ""
                files[name].add(site.path)
                calls[name] += 1
    return tuple(Group(name, tuple(sorted(files[name])), calls[name]) for name in sorted(files))


def take(texts: Iterable[tuple[str, str]], profile: Profile) -> Inventory:
    """The inventory of some texts by their paths."""
    scan, kept = Scan(profile), dict(texts)
    for path, text in kept.items():
        scan.see(path, text)
    wrappers = scan.wrappers()
    for path, text in kept.items():
        scan.link(wrappers, path, text)
    return scan.inventory()
