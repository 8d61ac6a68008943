"""What a simulated provider has on offer: a small catalogue of real services and countries."""

from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True, slots=True)
class Country:
    """``id`` is SMS-Activate's numeric id (Russia 0, USA 187, Indonesia 6: no ISO code)."""

    id: int
    iso: str
    name: str
    prefix: str  # telephone prefix without a plus


COUNTRIES: tuple[Country, ...] = (
    Country(0, "RU", "Russia", "7"),
    Country(1, "UA", "Ukraine", "380"),
    Country(2, "KZ", "Kazakhstan", "77"),
    Country(4, "PH", "Philippines", "63"),
    Country(6, "ID", "Indonesia", "62"),
    Country(10, "VN", "Vietnam", "84"),
    Country(15, "PL", "Poland", "48"),
    Country(16, "GB", "United Kingdom", "44"),
    Country(22, "IN", "India", "91"),
    Country(43, "DE", "Germany", "49"),
    Country(73, "BR", "Brazil", "55"),
    Country(187, "US", "USA", "1"),
)

SERVICES: dict[str, str] = {
    "tg": "telegram",
    "wa": "whatsapp",
    "go": "google",
    "vk": "vkontakte",
    "ig": "instagram",
    "fb": "facebook",
    "ds": "discord",
    "am": "amazon",
}
"""Service code to product name; 5sim asks for the latter."""

OPERATORS = ("any", "life", "mts", "beeline")

LAST_ID = 204
"""Country ids run from 0 to this one; HeroSMS has 222 for Russia besides."""

HERO_RUSSIA = 222

_BY_ID = {country.id: country for country in COUNTRIES}
_BY_ISO = {country.iso: country for country in COUNTRIES}
_BY_SLUG = {country.name.lower().replace(" ", ""): country for country in COUNTRIES} | {"england": _BY_ID[16]}


def country_named(text: str, *, russia: int, iso: bool, slugs: bool) -> int | None:
    """The country that a call names; ``None`` when there is none of that name.

    Args:
        text: the parameter as sent; nothing and ``any`` stand for Russia, the default of the documentation.
        russia: the id of Russia, 0 or HeroSMS's 222.
        iso: whether ISO-3166 alpha-2 codes are understood.
        slugs: whether names such as ``indonesia`` are understood.
    """
    if text in {"", "any"}:
        return russia
    if text.isascii() and text.isdigit():
        number = int(text)
        return number if number == russia or 0 < number <= LAST_ID else None
    found = _BY_ISO.get(text.upper()) if iso else None
    found = found or (_BY_SLUG.get(text.lower()) if slugs else None)
    if found is None:
        return None
    return found.id or russia


def prefix_of(country: int) -> str:
    """The telephone prefix of a country's numbers."""
    known = _BY_ID.get(0 if country == HERO_RUSSIA else country)
    return known.prefix if known else "999"


def offers(russia: int, products: bool) -> list[tuple[int, str]]:
    """Every listed country with every listed service, as a dialect spells them."""
    countries = [country.id or russia for country in COUNTRIES]
    return list(product(countries, SERVICES.values() if products else SERVICES))
