"""How often one address may be wrong about a secret: a few times at once, then once in a while."""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from math import ceil

AT_ONCE = 10
"""Wrong secrets that an address may show in a row."""

EVERY = 10.0
"""Seconds after which it may be wrong once more."""

MOST = 4096
"""Addresses that are remembered; at more the one that was wrong longest ago is forgotten."""


class TooMany(Exception):
    """The address was wrong too often; ``wait`` is whole seconds until it may try again."""

    def __init__(self, wait: int) -> None:
        super().__init__(f"too many wrong tokens came from this address; try again in {wait} s")
        self.wait = wait


class Throttle:
    """Counts wrong secrets per source address. Who is turned away is not counted, so nobody is kept out for ever.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def check(self, address: str | None) -> None:
        """Call it before a secret is looked at.

        Raises:
            TooMany: this address may not try now.
        """
        over = self._left(_network(address)) - (AT_ONCE - 1)
        if over > 0:
            raise TooMany(ceil(over * EVERY))

    def wrong(self, address: str | None) -> None:
        """A secret from this address was wrong."""
        network = _network(address)
        self._spent[network] = (self._left(network) + 1, self._clock())
        self._spent.move_to_end(network)
        if len(self._spent) > MOST:
            self._spent.popitem(last=False)

    def _left(self, network: str) -> float:
        """The wrong ones that are not forgiven yet."""
        spent, at = self._spent.get(network, (0.0, 0.0))
        return max(0.0, spent - max(0.0, self._clock() - at) / EVERY)


def _network(address: str | None) -> str:
    """Whoever has one IPv6 address has the other 2^64 beside it."""
    try:
        found = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return address or ""
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
