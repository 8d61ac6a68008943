"""Asking arms from a tool: pools as the policy has them, at a polite pace, and no side effects outside a sandbox."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from time import monotonic, time
from urllib.parse import urlencode

from canary import __version__
from canary.core.model import Arm, Call, Effect, Headers, Outcome, Request
from canary.core.policy.model import HeaderValue
from canary.core.protocol.parse import parse
from canary.gateway.asking import Arms, ArmSide, Asked
from canary.gateway.config import Loaded, Secrets
from canary.gateway.natives import native_of
from canary.gateway.upstream import Upstream

HARMLESS = frozenset({Effect.GLOBAL_READ, Effect.ACCOUNT_READ, Effect.LEASE_READ})
"""Effects that may be asked of an arm without a sandbox."""

LONGEST_WAIT = 30.0
"""Seconds that a provider's Retry-After is obeyed at most."""

USUAL_WAIT = 5.0
"""Seconds of waiting when a throttled answer names none."""


class SideEffectError(Exception):
    """A call that buys or changes something was about to be sent outside a sandbox: a defect, nothing was sent."""


class Pace:
    """Spaces calls evenly.

    Args:
        per_second: calls at most.
    """

    def __init__(self, per_second: float) -> None:
        self._gap = 1 / per_second
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for the next call's turn."""
        now = monotonic()
        at = max(now, self._next)
        self._next = at + self._gap
        if at > now:
            await asyncio.sleep(at - now)

    def rest(self, seconds: float) -> None:
        """Nobody's turn comes before so many seconds."""
        self._next = max(self._next, monotonic() + seconds)


@asynccontextmanager
async def opened(
    loaded: Loaded, secrets: Secrets, arms: tuple[Arm, ...], keys: Mapping[Arm, str | None] | None = None
) -> AsyncIterator[Arms]:
    """Some of the policy's arms, to be asked within the block.

    Args:
        keys: other keys than the policy's.
    """
    upstreams = {arm: _upstream(loaded, secrets, arm) for arm in arms}
    known = secrets.keys if keys is None else keys
    sides = {arm: _side(loaded, arm, upstreams[arm], known[arm]) for arm in arms}
    try:
        for upstream in upstreams.values():
            await upstream.start()
        yield Arms(sides, time)
    finally:
        for upstream in upstreams.values():
            await upstream.close()


def _upstream(loaded: Loaded, secrets: Secrets, arm: Arm) -> Upstream:
    side = loaded.policy.arm(arm)
    return Upstream(side.url, secrets.headers[arm], side.timeout, side.max_in_flight, loaded.ca_file(arm))


def _side(loaded: Loaded, arm: Arm, upstream: Upstream, key: str | None) -> ArmSide:
    profile = loaded.profiles[arm]
    countries = loaded.policy.arm(arm).countries
    return ArmSide(
        upstream,
        key,
        price_headers=profile.cost_headers,
        countries=countries,
        native=native_of(loaded, arm),
    )


class Asker:
    """Asks one arm, one call after the other.

    Args:
        sandbox: the header with which the provider carries nothing out.
    """

    def __init__(self, arms: Arms, arm: Arm, pace: Pace, sandbox: HeaderValue | None = None) -> None:
        self._arms = arms
        self._arm = arm
        self._pace = pace
        self._sandbox = sandbox
        self.limited = 0
        """Answers that said the pace was too fast."""

    async def ask(self, action: str, params: Mapping[str, str], *, sandbox: bool = False) -> Asked:
        """One call and its answer; a read that was throttled is asked once more when its time has come.

        Raises:
            SideEffectError: it is no read, and there is no sandbox for it.
        """
        request, call = _request(action, params, self._headers(sandbox)), call_of(action, params)
        in_sandbox = sandbox and self._sandbox is not None
        if call.effect not in HARMLESS and not in_sandbox:
            raise SideEffectError(f"{action} has side effects and is not asked outside a sandbox")
        await self._pace.turn()
        asked = await self._arms.ask(self._arm, request, call)
        if asked.exchange.reply.outcome is not Outcome.LIMIT:
            return asked
        self.limited += 1
        self._pace.rest(retry_after(asked))
        if call.effect not in HARMLESS:
            return asked
        await self._pace.turn()
        return await self._arms.ask(self._arm, request, call)

    def _headers(self, sandbox: bool) -> Headers:
        own = (("User-Agent", f"canary/{__version__}"), ("Accept", "*/*"))
        if not sandbox or self._sandbox is None:
            return own
        return (*own, (self._sandbox.name, self._sandbox.value))


def call_of(action: str, params: Mapping[str, str]) -> Call:
    """The call that these parameters make."""
    return parse(_request(action, params))


def _request(action: str, params: Mapping[str, str], headers: Headers = ()) -> Request:
    return Request("GET", "/", urlencode({"action": action, **params}), headers)


def retry_after(asked: Asked) -> float:
    """Seconds that a throttled answer asks one to wait, within bounds."""
    named = asked.response.header("retry-after") if asked.response else ""
    seconds = float(named) if named.isascii() and named.isdecimal() else USUAL_WAIT
    return min(seconds, LONGEST_WAIT)
