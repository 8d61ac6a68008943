"""Where a file itself names the old API: hosts, the endpoint, actions, client libraries."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from canary.core.actions import lookup
from canary.toolkit.inventory import signs
from canary.toolkit.inventory.asking import asked, members, quoted, said, site_at
from canary.toolkit.inventory.languages import Role
from canary.toolkit.inventory.model import Site, SiteKind
from canary.toolkit.inventory.sdks import declarations, imports
from canary.toolkit.inventory.source import Source

_RANK = {kind: rank for rank, kind in enumerate(SiteKind)}


def found_in(source: Source) -> tuple[Site, ...]:
    """The sites of a file, one for each line; of several signs on a line the strongest counts."""
    if not signs.may_matter(source.text.encode("utf-8", "replace")):
        return ()
    places = [*_endpoints(source), *_hosts(source), *_libraries(source)]
    named = list(asked(source))
    if not places and not _is_family(source, named):
        return ()
    if source.language.role is Role.CODE:
        named += _repeated_left_out(source, named, [*quoted(source), *members(source)])
    return by_line([*places, *named])


def _repeated_left_out(source: Source, named: list[Site], more: list[Site]) -> list[Site]:
    """Without those that a function only mentions again: to read the reply, or to log it."""
    asked = {(site.action, function) for site in named if (function := _function(source, site))}
    return [site for site in more if (site.action, _function(source, site)) not in asked]


def _function(source: Source, site: Site) -> int:
    """Which function a site is in; 0 for none."""
    return source.function_at(source.offset(site.line, site.column)).head


def by_line(sites: Iterable[Site]) -> tuple[Site, ...]:
    best: dict[int, Site] = {}
    for site in sorted(sites, key=lambda site: (site.line, _RANK[site.kind], site.column)):
        first = best.setdefault(site.line, site)
        if not first.provider and site.provider:
            best[site.line] = replace(first, provider=site.provider)
    return tuple(best.values())


def _endpoints(source: Source) -> Iterator[Site]:
    for found in signs.ENDPOINT.finditer(source.code):
        if said(source, found.start()):
            yield site_at(source, found.start(), SiteKind.ENDPOINT)


def _hosts(source: Source) -> Iterator[Site]:
    for found in signs.HOST.finditer(source.code):
        if signs.is_page(found.group("path")) or not said(source, found.start()) or _is_prose(source, found):
            continue
        provider = signs.provider_of(found.group("host"))
        kind = SiteKind.ENDPOINT if signs.ENDPOINT.search(found.group("path")) else SiteKind.HOST
        yield site_at(source, found.start(), kind, provider=provider)


_WORD_BEFORE = re.compile(r"[A-Za-z,]\s$")
_WORD_AFTER = re.compile(r"\s[A-Za-z]")


def _is_prose(source: Source, found: re.Match[str]) -> bool:
    """Whether a bare host is part of a sentence, which counts in documents alone."""
    if source.language.role is Role.DOCS or found.group("path"):
        return False
    before = _WORD_BEFORE.search(source.code[max(0, found.start() - 2) : found.start()])
    after = _WORD_AFTER.match(source.code, found.end())
    return bool(before or after) if source.language.role is Role.CODE else bool(before and after)


def _libraries(source: Source) -> Iterator[Site]:
    for one in (*imports(source), *declarations(source)):
        yield site_at(source, one.offset, SiteKind.SDK, wrapper=f"sdk:{one.name}")


_LIST = 3
"""Quoted actions that make a file a list of them."""


def _is_family(source: Source, named: list[Site]) -> bool:
    """Whether a file without an address is about the old API: others have a getStatus, too."""
    actions = {site.action for site in named}
    if actions & signs.DISTINCTIVE or {"getNumber", "setStatus"} <= actions:
        return True
    known = {action for action in actions if lookup(action)}
    if known or (source.language.role is Role.CODE and any(members(source))):
        several = len(known) > 1 or signs.OWN_KEY.search(source.text)
        return bool((several and signs.FAMILY.search(source.text)) or signs.REPLY.search(source.code))
    listed = {found.group("action") for found in signs.QUOTED.finditer(source.code)}
    return len(listed) >= _LIST and bool(listed & (signs.PURCHASES | signs.DISTINCTIVE))
