"""What an arm's numbers cost by its own price table, for purchases whose answer does not say."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal

from canary.core.compare.market import prices_in
from canary.core.compare.traits import Seen
from canary.core.model import Call
from canary.core.protocol.read import MAX_JSON

ACTION = "getPrices"

MOST = 50_000
"""Offers that are remembered."""

LARGE = 32 * 1024
"""Bytes of a table that is read in a thread, so that no client waits for it."""

AGAIN = 60.0
"""Seconds until a whole table is read again."""


class PriceTable:
    """One arm's prices by country and service, learned from its answers to ``getPrices``.

    Args:
        countries: the arm's own id of a country by its ISO-3166 code, or by the id that clients use.
    """

    def __init__(self, countries: Mapping[str, int | str] | None = None) -> None:
        self._countries = {iso: str(own) for iso, own in (countries or {}).items()}
        self._prices: dict[tuple[str, str], Decimal] = {}
        self._whole_at = float("-inf")
        self.revision = 0
        """Grows with every table."""

    def of(self, service: str, country: str) -> Decimal | None:
        """The price of a number, ``None`` when it is not known."""
        price = self._prices.get((self.own(country), service))
        if price is not None or country.isdigit():
            return price
        return self._prices.get((country, service))  # a table that is keyed by codes

    def own(self, country: str) -> str:
        """The arm's id of a country, as far as it is known."""
        return self._countries.get(country.upper(), country)

    async def hear(self, call: Call, seen: Seen, now: float) -> None:
        """Learn from the answer to a call, if it is a table that is news."""
        whole = not call.params.keys() & {"service", "country"}
        if call.action != ACTION or len(seen.content) > MAX_JSON or (whole and now - self._whole_at < AGAIN):
            return
        if whole:
            self._whole_at = now
        if len(seen.content) > LARGE:
            await asyncio.to_thread(self.learn, seen)
        else:
            self.learn(seen)

    def learn(self, seen: Seen) -> None:
        """Take in a table."""
        for country, service, price in prices_in(seen.data):
            if len(self._prices) < MOST or (country, service) in self._prices:
                self._prices[country, service] = price
        self.revision += 1
