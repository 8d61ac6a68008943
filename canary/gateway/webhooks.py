"""Webhooks that came: recorded for their lease, and put where they are sent on to the client."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import blake2b

from canary.core.model import Arm, Lease
from canary.core.webhook import Told, for_client, heard, told
from canary.gateway.bindings import Bindings
from canary.store.outbox import Message, Outbox


class Webhooks:
    """Takes in what providers send.

    A message whose lease nobody knows reaches the client as it came: the number was bought before the harness was
    put in. One for a shadow lease does not: the client never heard of that number.

    Args:
        tokens: each arm's secret; a message is known again by a digest that only they can make.
        owned: which of new's ids are shadow leases; it may block.
        forward: whether the client is told.
        wake: says that something is to be sent.
        count: adds one to a named counter.
        clock: wall-clock seconds.
    """

    def __init__(
        self,
        outbox: Outbox,
        bindings: Bindings,
        tokens: Mapping[Arm, str],
        *,
        owned: Callable[[Sequence[str]], Collection[str]],
        forward: bool,
        wake: Callable[[], None],
        count: Callable[[str], None],
        clock: Callable[[], float],
    ) -> None:
        self._outbox = outbox
        self._bindings = bindings
        self._keys = {arm: blake2b(token.encode()).digest() for arm, token in tokens.items()}
        self._owned = owned
        self._forward = forward
        self._wake = wake
        self._count = count
        self._clock = clock

    async def take(self, arm: Arm, source: str, content_type: str, body: bytes) -> None:
        """Take in one webhook; it is safe on disk when this returns.

        Raises:
            StoreError: it is not, and the provider should send it again.
        """
        self._count("webhooks")
        now = self._clock()
        what = told(body)
        lease = await self._bindings.of_arm(arm, what.kind, what.id) if what else None
        after = heard(lease, now) if lease and what and what.has_code else None
        message = self._message(arm, source, content_type, body, now, what, lease)
        forward = self._forward and not (lease is None and await self._is_ours(arm, what))
        if not await asyncio.to_thread(self._outbox.put, message, after, forward=forward):
            self._count("webhooks_repeated")
            return
        if lease is None:
            self._count("webhooks_unknown")
        elif after is not None:
            self._bindings.update(heard(self._bindings.current(lease), now))
        self._wake()

    def _message(
        self,
        arm: Arm,
        source: str,
        content_type: str,
        body: bytes,
        now: float,
        what: Told | None,
        lease: Lease | None,
    ) -> Message:
        digest = blake2b(body, key=self._keys[arm], digest_size=16).hexdigest()
        lane = f"{arm}/{what.kind}/{what.id}" if what else f"{arm}/{digest}"
        shown = for_client(body, what, lease.visible_id) if lease else body
        return Message(arm, digest, lane, source[:100], content_type[:200], shown, now, now)

    async def _is_ours(self, arm: Arm, what: Told | None) -> bool:
        """Whether it is about a number that the harness bought for itself."""
        return what is not None and arm is Arm.NEW and bool(await asyncio.to_thread(self._owned, [what.id]))
