"""Legacy country ids, ISO alpha-2 codes and English names: the one table of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Country:
    """One legacy id. ``iso2`` is not unique: US is 12 (virtual numbers) and 187, RU is 0 or 222.

    ``in_sms_activate``, ``in_hero_sms``: the id was in that provider's ``getCountries``, as captured in 2025.
    """

    id: int
    name: str
    iso2: str
    in_sms_activate: bool
    in_hero_sms: bool
    notes: str = ""


@cache
def load() -> tuple[Country, ...]:
    """Every known legacy id, in order of ids.

    Source: ``getCountries`` of SMS-Activate and HeroSMS as kept by public clients; the ISO codes were resolved
    from the names and checked against two such clients' tables.
    """
    rows = json.loads((files("canary.gateway") / "countries.json").read_text("utf-8"))
    return tuple(Country(**row) for row in rows)


@cache
def by_id() -> Mapping[str, Country]:
    """The table by its ids, as they travel."""
    return {str(country.id): country for country in load()}


USUAL = {"US": "187"}
"""The id that is meant where a country has several: 12 are virtual numbers."""


@cache
def by_iso() -> Mapping[str, Country]:
    """The table by ISO codes, each country under the id that is meant."""
    found: dict[str, Country] = {}
    for country in load():
        if USUAL.get(country.iso2, str(country.id)) == str(country.id):
            found.setdefault(country.iso2, country)
    return found
