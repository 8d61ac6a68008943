"""Providers' own country ids beside the legacy ones, and where tables disagree."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter
from typing import Any

from canary.core.policy.model import Profile
from canary.gateway.countries import USUAL, Country, by_id, load

# --- a provider's own table -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of a provider's answer to ``getCountries``."""

    id: str
    name: str = ""
    iso2: str = ""


_IDS = ("id", "countryCode", "country")
_NAMES = ("eng", "name", "title", "countryName", "text_en", "rus")
_CODES = ("iso2", "iso", "code", "countryCode")
_ENVELOPES = ("countries", "data", "response")


def listed(data: object) -> tuple[Listed, ...]:
    """The rows of an answer to ``getCountries``: an object keyed by id, a list, or either in an envelope."""
    if isinstance(data, Mapping):
        inner = next((data[name] for name in _ENVELOPES if isinstance(data.get(name), Mapping | list)), None)
        if inner is not None:
            return listed(inner)
        pairs: Iterable[tuple[object, Any]] = data.items()
    else:
        pairs = ((None, row) for row in data) if isinstance(data, list) else ()
    return tuple(_listed(key, row) for key, row in pairs if isinstance(row, Mapping))


def _listed(key: object, row: Mapping[str, Any]) -> Listed:
    own = next((row[name] for name in _IDS if row.get(name) not in {None, ""}), key)
    codes = (str(row[name]).upper() for name in _CODES if name in row)
    iso2 = next((code for code in codes if len(code) == 2 and code.isascii() and code.isalpha()), "")
    return Listed(str(own), next((str(row[name]) for name in _NAMES if row.get(name)), ""), iso2)


@dataclass(frozen=True, slots=True)
class Provider:
    """What is known of one provider's ids.

    ``ids``: its own ids by ISO code, the preferred one first. ``source``: where they come from. ``misnamed``: what
    it calls an id that means another country in the legacy table.
    """

    name: str
    ids: Mapping[str, tuple[str, ...]]
    source: str
    misnamed: Mapping[str, str] = field(default_factory=dict)


_CAPTURED = {"sms-activate": "in_sms_activate", "herosms": "in_hero_sms"}
"""Whose tables the legacy table was made of: the name of the profile, and the field that says so."""


def documented(profile: Profile, name: str) -> Provider:
    """A provider's ids by its profile and the captured tables, under the name that messages give it."""
    captured = profile.name in _CAPTURED
    offered = attrgetter(_CAPTURED.get(profile.name, "in_sms_activate"))
    rows = filter(offered, load())
    named = {iso: str(own) for iso, own in profile.client_countries.items()}
    ids = _by_iso(((country.iso2, str(country.id)) for country in rows), {**USUAL, **named})
    if not captured:  # what the profile says is all that is known of a country with several ids
        ids |= {iso: (own,) for iso, own in named.items()}
    source = "as captured in 2025" if captured else "no table known, legacy ids assumed"
    return Provider(name, ids, f"{profile.title}: {source}")


def live(profile: Profile, name: str, rows: Sequence[Listed]) -> Provider:
    """A provider's ids as it lists them itself, under the name that messages give it."""
    preferred = {iso: str(own) for iso, own in profile.client_countries.items()}
    means = {own: iso for iso, own in preferred.items()}
    ids = _by_iso(((_iso_of(row, means), row.id) for row in rows), preferred)
    misnamed = {row.id: row.name for row in rows if _called_otherwise(row)}
    return Provider(name, ids, f"{profile.title}: as it answers getCountries", misnamed)


def _by_iso(pairs: Iterable[tuple[str, str]], preferred: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    ids: dict[str, list[str]] = {}
    for iso, own in pairs:
        ids.setdefault(iso, []).append(own)
    return {iso: _first(preferred.get(iso), owns) for iso, owns in ids.items() if iso}


def _first(preferred: str | None, ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(dict.fromkeys(ids), key=lambda own: own != preferred))


def _iso_of(row: Listed, means: Mapping[str, str]) -> str:
    if row.iso2:
        return row.iso2
    named = _iso_named(row.name)
    if named or row.id in means:
        return named or means[row.id]
    country = by_id().get(row.id)
    return country.iso2 if country else ""


def _called_otherwise(row: Listed) -> bool:
    country, iso = by_id().get(row.id), row.iso2 or _iso_named(row.name)
    return country is not None and iso not in {"", country.iso2}


@cache
def _names() -> Mapping[str, str]:
    return {_plain(country.name): country.iso2 for country in load()}


def _iso_named(name: str) -> str:
    return _names().get(_plain(name), "")


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


# --- two providers beside each other --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mapped:
    """One ISO code on both sides, and what may go wrong with it."""

    iso2: str
    name: str
    legacy: tuple[str, ...]
    old: tuple[str, ...]
    new: tuple[str, ...]
    disagreements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """All countries, and what ``countries`` of the new arm still needs in the policy."""

    rows: tuple[Mapped, ...]
    translate: Mapping[str, str]


def compared(old: Provider, new: Provider, translated: Mapping[str, str]) -> Comparison:
    """Both providers' ids by ISO code.

    Args:
        translated: the policy's ``countries`` of the new arm.
    """
    legacy = _by_iso(((country.iso2, str(country.id)) for country in load()), {})
    codes = sorted({*legacy, *old.ids, *new.ids}, key=lambda iso: (_order(legacy.get(iso, ())), iso))
    rows = tuple(_mapped(iso, legacy.get(iso, ()), old, new, translated) for iso in codes)
    needed = {row.old[0]: row.new[0] for row in rows if row.old and row.new and row.old[0] not in row.new}
    return Comparison(rows, {theirs: own for theirs, own in needed.items() if translated.get(theirs) != own})


def _order(ids: Sequence[str]) -> int:
    return min((int(own) for own in ids if own.isdigit()), default=1_000_000)


def _mapped(
    iso: str, legacy: tuple[str, ...], old: Provider, new: Provider, translated: Mapping[str, str]
) -> Mapped:
    known = [by_id()[own] for own in legacy]
    ids = (old.ids.get(iso, ()), new.ids.get(iso, ()))
    name = known[-1].name if known else iso
    found = (*_different(old, new, *ids, translated), *_ambiguous(old, new, *ids), *_noted(known, old, new))
    return Mapped(iso, name, legacy, *ids, tuple(dict.fromkeys(found)))


def _different(
    old: Provider,
    new: Provider,
    theirs: Sequence[str],
    ours: Sequence[str],
    translated: Mapping[str, str],
) -> Iterator[str]:
    for own in theirs:
        sent = translated.get(own, own)
        if sent in ours:
            continue
        if not ours or own != theirs[0]:
            yield f"{own} at {old.name} is not known to be at {new.name}"
        else:
            yield f"{own} at {old.name} is {ours[0]} at {new.name}"


def _ambiguous(old: Provider, new: Provider, theirs: Sequence[str], ours: Sequence[str]) -> Iterator[str]:
    for provider, ids in ((old, theirs), (new, ours)):
        if len(ids) > 1:
            yield f"{provider.name} has several ids: {', '.join(ids)}"


def _noted(known: Sequence[Country], old: Provider, new: Provider) -> Iterator[str]:
    for country in known:
        for provider in (old, new):
            if (called := provider.misnamed.get(str(country.id))) is not None:
                yield f"{country.id} at {provider.name} is {called}"
        if country.notes:
            yield f"{country.id}: {country.notes}"
