"""Country ids and ISO codes that are written out in code."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from canary.core.policy.model import Profile
from canary.gateway.countries import by_id, load
from canary.toolkit.inventory.calls import arguments
from canary.toolkit.inventory.source import Source

_SETS = r"(?:[?]?:\s*[\w?|&<>\[\], ]+?=|=>|:=|={1,3}|%3D|[:,(]|!==?|\|\||\?\?|\bor\b)"
_BEFORE = rf"(?<!\w)(?i:\w{{0,40}}country(?:_?(?:id|code))?)[\"'`]?\]?\s*{_SETS}\s*(?:\w+\s*\(\s*)?\[?\s*"
_ID = re.compile(rf"{_BEFORE}[\"'`]?(?P<value>\d{{1,3}})(?![\w.])")
_ISO = re.compile(rf"{_BEFORE}[\"'`](?P<value>[A-Za-z]{{2}})[\"'`]")
_ISO_IN_QUERY = re.compile(r"\bcountry(?:=|%3D)(?P<value>[A-Z]{2})(?=[&\"'`\s])")
_TABLE = re.compile(
    r"(?<!\w)(?i:\w{0,40}countr(?:y|ies)\w{0,40})[\"']?\s*(?::[^=\n]{0,60})?(?:=>?|:)\s*[\[{(][^\]})]{0,200}?"
    r"(?<![\w.])[\"']?(?P<value>\d{1,3})(?![\w.])"
)
"""A table that maps countries to ids, by its first id."""

_ARGUMENT = re.compile(r"(?:^|,)\s*[\"']?(?P<value>\d{1,3})[\"']?\s*(?=,|$)")
_CODES = frozenset(country.iso2 for country in load())


@dataclass(frozen=True, slots=True)
class Place:
    """A country written out: where, as what."""

    offset: int
    value: str

    @property
    def numeric(self) -> bool:
        return self.value.isdigit()

    @property
    def known(self) -> bool:
        """Whether there is such a country."""
        return self.value in by_id() if self.numeric else self.value.upper() in _CODES


def places(source: Source, purchases: Iterable[int] = ()) -> Iterator[Place]:
    """The countries that a file names, one for each line and way of writing.

    Args:
        purchases: where the names of functions that buy end; a bare number handed to one is a country.
    """
    patterns = (_ID, _TABLE, _ISO, _ISO_IN_QUERY)
    found = [
        Place(one.start("value"), one.group("value")) for p in patterns for one in p.finditer(source.code)
    ]
    handed = ((after, _ARGUMENT.search(arguments(source, after))) for after in purchases)
    found += [Place(after, one.group("value")) for after, one in handed if one]
    seen: set[tuple[int, bool]] = set()
    for place in found:
        key = (source.line(place.offset), place.numeric)
        if key not in seen and place.known:
            seen.add(key)
            yield place


def said(place: Place, profile: Profile) -> str:
    """What an id means, and what the new provider calls it."""
    country = by_id()[place.value]
    own = profile.client_countries.get(country.iso2)
    other = f"; {profile.name} knows it as {own}" if own is not None and str(own) != place.value else ""
    note = f" ({country.notes})" if country.notes else ""
    return f"country {place.value} is {country.name} ({country.iso2}) in the legacy table{other}{note}"
