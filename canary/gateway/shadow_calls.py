"""Calls about shadow leases: a client's call with the shadow's own id and limits, and little else of the client."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal
from urllib.parse import urlencode

from canary import __version__
from canary.core.budget import Caps
from canary.core.model import Arm, Call, Headers, Request
from canary.core.policy.model import HeaderValue
from canary.core.protocol.parse import ENDPOINT, parse
from canary.core.protocol.read import price_from_headers
from canary.gateway.asking import Arms, Asked

type Mode = Literal["off", "sandbox", "live"]

type Stop = Callable[[str], Awaitable[None]]
"""Stops all buying, for a reason."""

MARGIN = 5.0
"""Seconds that are waited beyond what was promised, so that nothing is too early."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How shadow leases are had.

    ``caps``: of a live one. ``sandbox``: the header with which new charges nothing. ``hold``: seconds after which it
    takes a cancel. ``lifetime``, by service in ``lifetimes``: seconds until a lease ends by itself. ``patience``:
    seconds that an answer may take.
    """

    mode: Mode = "off"
    caps: Caps | None = None
    sandbox: HeaderValue | None = None
    hold: float = 120.0
    lifetime: float = 1200.0
    lifetimes: Mapping[str, float] = field(default_factory=dict)
    patience: float = 10.0

    def lifetime_of(self, service: str) -> float:
        return self.lifetimes.get(service, self.lifetime)

    @property
    def farthest(self) -> float:
        """Seconds for which anything about a shadow lease is put off at most."""
        longest = max(self.lifetime, *self.lifetimes.values()) if self.lifetimes else self.lifetime
        return max(longest, self.patience + self.hold + MARGIN)

    def too_dear(self, amount: Decimal) -> str:
        """Why nothing more is bought after a number that cost so much; empty when it may cost that."""
        if self.caps is None or amount <= self.caps.price:
            return ""
        return f"a number cost {amount}, more than the {self.caps.price} of budget.price"


AGENT = f"canary/{__version__}"
"""The User-Agent of calls that no client made."""


class ShadowCalls:
    """Asks new about shadow leases, from pools of the shadow's own."""

    def __init__(self, arms: Arms, terms: Terms) -> None:
        self._arms = arms
        self._terms = terms

    async def like(self, request: Request, call: Call, changes: Mapping[str, str], mode: str) -> Asked:
        """A client's call with other parameters; of its headers its name alone."""
        named = next((value for name, value in request.headers if name.lower() == "user-agent"), AGENT)
        return await self._send({**call.params, **changes}, named, mode)

    async def own(self, action: str, params: Mapping[str, str], mode: str) -> Asked:
        """A call that no client made."""
        return await self._send({"action": action, **params}, AGENT, mode)

    def price_in(self, asked: Asked) -> Decimal | None:
        """What the headers of an answer say that it cost."""
        headers = asked.response.headers if asked.response else ()
        return price_from_headers(headers, self._arms[asked.arm].price_headers)

    def own_country(self, country: str) -> str:
        """New's id of a country, as far as it is known."""
        return self._arms[Arm.NEW].prices.own(country)

    async def _send(self, params: Mapping[str, str], agent: str, mode: str) -> Asked:
        query = urlencode(params, errors="replace")
        headers: Headers = (("User-Agent", agent),)
        if mode == "sandbox":
            sandbox = self._terms.sandbox
            assert sandbox is not None, "a sandbox has its header, or nothing may be bought in it"
            headers = (*headers, (sandbox.name, sandbox.value))
        request = Request("GET", f"/{ENDPOINT}", query, headers)
        return await self._arms.ask(Arm.NEW, request, parse(request))
