"""How an arm's own API is spoken, by its policy and profile: the dialect, and the names of services and countries."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from canary.core.dialects import DIALECTS
from canary.core.dialects.model import Dialect, Naming, Settings
from canary.core.model import Arm
from canary.core.policy.model import Profile
from canary.gateway.config import Loaded
from canary.gateway.countries import Country, by_iso, load
from canary.gateway.native import Native
from canary.gateway.tokens import Tokens

_NAMINGS: Mapping[Naming, Callable[[Country], str]] = {
    Naming.ISO: lambda country: country.iso2,
    Naming.ID: lambda country: str(country.id),
    Naming.WORD: lambda country: "".join(filter(str.isalnum, country.name.lower())),
}


def native_of(loaded: Loaded, arm: Arm) -> Native | None:
    """How an arm's own API is spoken; ``None`` when the arm speaks handler_api."""
    profile, side = loaded.profiles[arm], loaded.policy.arm(arm)
    dialect = DIALECTS.get(profile.dialect)
    if dialect is None:
        return None
    sandbox = {profile.sandbox_header.name.lower()} if profile.sandbox_header else set()
    kept = {name.lower() for name in profile.cost_headers}
    return Native(
        _keyed(dialect, profile),
        settings_of(dialect, profile),
        base=urlsplit(side.url).path.rstrip("/"),
        patience=side.timeout,
        tokens=Tokens(),
        forwarded=frozenset({"user-agent", *sandbox}),
        kept=frozenset({"retry-after", *kept}),
    )


def settings_of(dialect: Dialect, profile: Profile) -> Settings:
    """The names by which a provider knows what clients speak of.

    A client may say a country's legacy id or its ISO code; the provider's name of it is the profile's, or else made
    as the dialect makes names.
    """
    named = {iso: str(own) for iso, own in profile.countries.items()}
    own = {country.id: named.get(country.iso2) or _NAMINGS[dialect.naming](country) for country in load()}
    said = {str(country.id): country.id for country in load()} | {
        iso: one.id for iso, one in by_iso().items()
    }
    native = profile.native
    return Settings(
        services=native.services,
        countries={said_so: own[legacy] for said_so, legacy in said.items()},
        ids={own[country.id]: str(country.id) for country in by_iso().values()},
        titles={str(country.id): country.name for country in load()},
        dial_codes=native.dial_codes,
        refusals=native.refusals,
        fields=native.fields,
        statuses=native.statuses,
        lifetime=profile.lifetime,
    )


def _keyed(dialect: Dialect, profile: Profile) -> Dialect:
    """The dialect with the key where the profile says that the provider wants it."""
    native = profile.native
    header = dialect.key_header if native.key_header is None else native.key_header
    return replace(
        dialect, key_header=header, bearer=dialect.bearer if native.scheme is None else native.scheme
    )
