"""A provider's own API as a table of routes over the same shop: what a request asks for, and who answers it."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from canary.core.model import Kind
from canary.sim.actions.market import in_stock
from canary.sim.answers import Answer, Refused
from canary.sim.incoming import Incoming
from canary.sim.lease import Lease, State
from canary.sim.market import COUNTRIES, SERVICES, Country
from canary.sim.shop import Shop
from canary.sim.visit import Handler, Visit

USUAL_CODES: Mapping[str, str] = {code: code for code in SERVICES} | {"full": "full"}
"""The services of a provider that knows them by the usual codes."""


@dataclass(frozen=True, slots=True)
class Route:
    """One address below the API's base.

    Attributes:
        pattern: of the path; its groups become parameters of the call.
        action: what handler_api calls it: by this name knobs, faults and books know it.
    """

    method: str
    pattern: str
    action: str
    handler: Handler
    keyless: bool = False


@dataclass(frozen=True, slots=True)
class Api:
    """One provider's own API.

    Attributes:
        base: path of its root.
        worded: its answer to a call that is refused.
        services: its name of a service by the usual code.
        country: its name of a country.
        params: the usual name of a parameter by its own.
        defaults: parameters of every call, by their usual names.
        key_header, scheme: where the key is.
        tokens: whether keys are exchanged for tokens, which are what other requests carry.
    """

    name: str
    base: str
    routes: tuple[Route, ...]
    worded: Callable[[Refused, "NativeCall"], Answer]
    services: Mapping[str, str]
    country: Callable[[Country], str]
    params: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    key_header: str = "authorization"
    scheme: str = "bearer"
    tokens: bool = False

    def received(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, source: str
    ) -> "NativeCall | None":
        """The call that a request makes; ``None`` for an address that is none of this API's."""
        path, _, query = target.partition("?")
        for route in self.routes:
            found = (
                re.fullmatch(re.escape(self.base) + route.pattern, path) if method == route.method else None
            )
            if found is None:
                continue
            params = {**dict(parse_qsl(query, keep_blank_values=True)), **_members(body)}
            params |= {name: unquote(value) for name, value in found.groupdict().items() if value is not None}
            named = self._named({self.params.get(name, name): value for name, value in params.items()})
            key = self._key(route, headers)
            return NativeCall(
                method,
                path,
                query,
                headers,
                body,
                source,
                route.action,
                named,
                key,
                any_kind=True,
                api=self,
                route=route,
            )
        return None

    def _named(self, params: dict[str, str]) -> dict[str, str]:
        """Parameters with the usual names of services and countries; what is unknown fits nothing."""
        if "service" in params:
            known = {own: code for code, own in self.services.items()}
            params["service"] = known.get(params["service"], "?")
        if params.get("country"):
            ids = {self.country(country): str(country.id) for country in COUNTRIES}
            params["country"] = ids.get(params["country"], "any" if params["country"] == "any" else "?")
        return {**self.defaults, **params}

    def _key(self, route: Route, headers: Mapping[str, str]) -> str:
        if self.tokens and route.action == LOGIN:
            return headers.get("x-api-key", "")
        value = headers.get(self.key_header, "")
        if not self.scheme:
            return value
        scheme, _, key = value.partition(" ")
        return key if scheme.lower() == self.scheme else ""


LOGIN = "login"
"""What the exchange of a key for a token is called; handler_api has nothing of the kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeCall(Incoming):
    """A request to a provider's own API."""

    api: Api
    route: Route


def _members(body: bytes) -> dict[str, str]:
    """The plain members of a JSON body, as text."""
    try:
        data = json.loads(body) if body else {}
    except ValueError:
        return {}
    members = data.items() if isinstance(data, dict) else ()
    return {name: _plain(value) for name, value in members if isinstance(value, str | int | float)}


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# --- what handlers share ----------------------------------------------------------------------------------------------


def api_of(visit: Visit) -> Api:
    """The API that a visit is made to."""
    assert isinstance(visit.call, NativeCall), "a native handler answers native calls"
    return visit.call.api


def service_name(visit: Visit, lease: Lease) -> str:
    """The provider's name of a lease's service."""
    return api_of(visit).services.get(lease.service, lease.service)


def country_name(visit: Visit, lease: Lease) -> str:
    """The provider's name of a lease's country."""
    return country_named(visit, lease.country)


def country_named(visit: Visit, own: str) -> str:
    """The provider's name of a country of the market."""
    found = next((country for country in COUNTRIES if str(country.id) == own), None)
    return own if found is None else api_of(visit).country(found)


def lease_of(visit: Visit, *, write: bool, kinds: tuple[Kind, ...] = (Kind.ACTIVATION,)) -> Lease:
    """The lease that the call names.

    Raises:
        Refused: it was never sold, or is forgotten.
    """
    own = visit.call.get("id")
    found = (visit.shop.find(kind, own, visit.now) for kind in kinds)
    lease = next((lease for lease in found if lease is not None), None)
    if lease is None:
        raise Refused("unknown_write" if write else "unknown_read")
    return lease


def bought(visit: Visit) -> Lease:
    """A number for the service and country that are asked for."""
    return visit.buy(visit.service(), visit.country())


def rented(visit: Visit, hours: int, service: str) -> Lease:
    """A number for so many hours."""
    price = visit.behaviour.rent_price * hours
    lifetime = hours * visit.behaviour.rent_hour
    return visit.buy(service, visit.country(), price=price, lifetime=lifetime, kind=Kind.RENT)


def leases_of(visit: Visit, kind: Kind = Kind.ACTIVATION, *, open_only: bool = False) -> list[Lease]:
    """The account's leases, the newest first."""
    found = [one for one in visit.shop.leases.values() if one.kind is kind and (one.open or not open_only)]
    return found[::-1]


def offers(visit: Visit) -> list[tuple[str, str, Any, int]]:
    """Country, service, price and count of what the call's filters leave."""
    service, country = visit.call.get("service"), visit.call.get("country")
    if service == "?":
        raise Refused("BAD_SERVICE")
    if country == "?":
        raise Refused("BAD_COUNTRY")
    listed = [(str(place.id), code) for place in COUNTRIES for code in SERVICES]
    return [
        (own, code, visit.behaviour.price_of(code, own), in_stock(visit, code, own))
        for own, code in listed
        if service in {"", code} and country in {"", own}
    ]


def text_of(lease: Lease) -> str:
    """The text of the latest message."""
    return f"Your code is {lease.code}"


def came(lease: Lease) -> bool:
    """Whether the latest code may be read."""
    return lease.state in {State.CODE, State.ASKED, State.FINISHED} and bool(lease.codes)


def zulu(at: float) -> str:
    """A time with its zone."""
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def known_key(shop: Shop, call: NativeCall, now: float) -> str:
    """The key that a request's token stands for; of one that expired or was never given out, none."""
    key, until = shop.tokens.get(call.key, ("", 0.0))
    return key if now < until else ""
