"""What a repository says about its migration: where the address stands, what is called, in which ids, who is told."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from canary.core.actions import lookup
from canary.core.model import Kind
from canary.core.policy.model import Profile
from canary.toolkit.inventory import hazards
from canary.toolkit.inventory.languages import Role, language_of
from canary.toolkit.inventory.model import CALLS, FileReport, Inventory, Site, SiteKind
from canary.toolkit.inventory.signs import ENDPOINT, HOST, provider_of
from canary.toolkit.inventory.tree import content, listed

_URL = re.compile(r"https?://[\w.-]+(?::\d+)?(?:/[\w.-]+)*/handler_api\.php")
_WEBHOOK = re.compile(rb"\breceivedAt\b")
_WHOSE = re.compile(rb"\b(?:activationId|rentId)\b")

_NATIVE = {
    "5sim.net": "5sim-native",
    "api.smspva.com": "smspva",
    "www.textverified.com": "textverified",
    "api.verifysms.app": "verifysms-native",
    "hero-sms.com": "herosms-v1",
}
"""Profiles of hosts that are asked at another path than handler_api.php."""

SHOWN = 5
"""Places that a comment names."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the repository."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Findings:
    """What matters of a repository.

    ``urls``: addresses of the API and where they stand, the most frequent first. ``hosts``: files of code in which a
    host of it stands, by host. ``sdks``: client libraries, which have an address of their own. ``calls``: where each
    action is called, the most frequent first. ``numeric`` and ``mixed``: places of numeric country ids, and of ids
    beside ISO codes. ``webhooks``: files that take a provider's webhook. ``advice``: the inventory's.
    """

    urls: Mapping[str, Sequence[Place]] = field(default_factory=dict)
    hosts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sdks: Sequence[str] = ()
    calls: Mapping[str, Sequence[Place]] = field(default_factory=dict)
    numeric: Sequence[Place] = ()
    mixed: Sequence[Place] = ()
    webhooks: Sequence[str] = ()
    advice: str = ""

    @property
    def rents(self) -> Sequence[str]:
        """The actions in use that have to do with long leases."""
        return [name for name in self.calls if (action := lookup(name)) and action.kind is Kind.RENT]

    def unsupported(self, profile: Profile) -> Mapping[str, Sequence[Place]]:
        """The actions in use that a provider does not have, and where they are called."""
        return {name: places for name, places in self.calls.items() if name in profile.unsupported_actions}

    def of_provider(self, url: str) -> list[str]:
        """The hosts that stand in code and belong to the provider at an address."""
        host, provider = urlsplit(url).hostname or "", provider_at(url)
        return [one for one in self.hosts if one == host or (provider and provider_at_host(one) == provider)]

    def hard_coded(self, url: str) -> list[str]:
        """The files of code that call the provider at an address by its host."""
        return sorted({path for host in self.of_provider(url) for path in self.hosts[host]})

    def fixed(self, url: str) -> bool:
        """Whether changing the address is no matter of one place: it is in several files, or in a library."""
        return len(self.hard_coded(url)) > 1 or (bool(self.sdks) and not self.urls)


def findings(found: Inventory, webhooks: Sequence[str] = ()) -> Findings:
    """What an inventory says.

    Args:
        webhooks: files that take webhooks.
    """
    sites = [(file, site) for file in found.files for site in file.sites]
    calls: dict[str, list[Place]] = {}
    for _, site in sites:
        if site.kind in CALLS and lookup(site.action):
            calls.setdefault(site.action, []).append(_place(site))
    return Findings(
        urls=_urls(sites),
        hosts=_hosts(found.files),
        sdks=sorted({site.wrapper.removeprefix("sdk:") for _, site in sites if site.kind is SiteKind.SDK}),
        calls=dict(sorted(calls.items(), key=lambda one: -len(one[1]))),
        numeric=[Place(one.path, one.line) for one in found.hazards if one.rule is hazards.COUNTRY_ID],
        mixed=[Place(one.path, one.line) for one in found.hazards if one.rule is hazards.COUNTRIES_MIXED],
        webhooks=webhooks,
        advice=found.advice,
    )


def webhook_files(root: Path) -> Iterator[str]:
    """The files that take a provider's webhook: they know the names of its fields (protocol.md section 7).

    Raises:
        TreeError: the path is not there, or git cannot list it.
    """
    for path in listed(root, everything=False):
        language = language_of(path)
        if language is None or language.role is not Role.CODE:
            continue
        data = content(path)
        if isinstance(data, bytes) and _WEBHOOK.search(data) and _WHOSE.search(data):
            yield path


def provider_at_host(host: str) -> str:
    """The profile of the provider that a host belongs to; empty when it is not known."""
    known = HOST.search(host)
    return provider_of(known["host"]) if known else ""


def provider_at(url: str) -> str:
    """The profile of the provider that an address belongs to; empty when its host is not known."""
    if not ENDPOINT.search(url):
        return _NATIVE.get(urlsplit(url).hostname or "", "")
    return provider_at_host(url)


def _urls(sites: Sequence[tuple[FileReport, Site]]) -> Mapping[str, Sequence[Place]]:
    """Addresses, those of code and settings before those of documents."""
    ranked = sorted(sites, key=lambda one: one[0].role is Role.DOCS)
    places: dict[str, list[Place]] = {}
    for _, site in ranked:
        for url in _URL.findall(site.text):
            places.setdefault(url, []).append(_place(site))
    documents = {_place(site) for file, site in sites if file.role is Role.DOCS}
    return dict(sorted(places.items(), key=lambda one: (set(one[1]) <= documents, -len(one[1]))))


def _hosts(files: Sequence[FileReport]) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for file in files:
        text = "\n".join(site.text for site in file.sites) if file.role is Role.CODE else ""
        known = {one["host"].lower() for one in HOST.finditer(text)}
        others = {urlsplit(url).hostname or "" for url in _URL.findall(text) if not HOST.search(url)}
        for host in sorted(known | others):
            found.setdefault(host, []).append(file.path)
    return found


def _place(site: Site) -> Place:
    return Place(site.path, site.line)


def named(places: Sequence[object]) -> str:
    """Places for a reader; of many the first few."""
    shown = ", ".join(str(one) for one in places[:SHOWN])
    return f"{shown} and {len(places) - SHOWN} more" if len(places) > SHOWN else shown
