"""Bearer tokens of providers that exchange a key for one: kept until they expire, fetched by one caller at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic

from canary.core.dialects.model import Token

MOST = 1000
"""Keys whose tokens are kept; clients may bring one each."""

_MARGIN = 60.0
"""Seconds before its end from which on a token is not begun with, or a tenth of its life when that is less."""


@dataclass(slots=True)
class _Kept:
    token: str = field(repr=False)
    until: float


class Tokens:
    """The tokens of one provider, by key. They are in memory only.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._fetching = asyncio.Lock()

    async def get(self, key: str, fetch: Callable[[], Awaitable[Token]]) -> str:
        """The token for a key. What ``fetch`` raises is raised here, and the next caller tries again."""
        known = self._current(key)
        if known is not None:
            return known
        async with self._fetching:
            known = self._current(key)
            if known is None:
                token = await fetch()
                known = token.value
                self._keep(key, token)
            return known

    def drop(self, key: str, token: str) -> None:
        """Forget a token that the provider did not take, unless it is an old one."""
        kept = self._kept.get(key)
        if kept is not None and kept.token == token:
            del self._kept[key]

    def _current(self, key: str) -> str | None:
        kept = self._kept.get(key)
        return kept.token if kept is not None and self._clock() < kept.until else None

    def _keep(self, key: str, token: Token) -> None:
        while len(self._kept) >= MOST:
            del self._kept[next(iter(self._kept))]
        margin = min(_MARGIN, token.seconds / 10)
        self._kept[key] = _Kept(token.value, self._clock() + token.seconds - margin)
