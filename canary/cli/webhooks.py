"""The webhooks of one process, wired: received, recorded, and sent on to the client."""

from collections.abc import Callable

from canary.core.model import Arm
from canary.core.policy.webhooks import ANY, WebhookPolicy, network
from canary.gateway.config import Loaded, WebhookSecrets
from canary.gateway.forwarding import Forwarding, Target
from canary.gateway.service import GatewayService
from canary.gateway.webhooks import Webhooks
from canary.store.store import Store
from canary.web.receiver import Receiver, Sender


class WebhookRoom:
    """Receiver and forwarding of one process.

    Args:
        reuse_port: whether several processes listen on the receiver's port.
        clock: wall-clock seconds.
    """

    def __init__(
        self,
        loaded: Loaded,
        section: WebhookPolicy,
        secrets: WebhookSecrets,
        store: Store,
        service: GatewayService,
        clock: Callable[[], float],
        *,
        reuse_port: bool = False,
    ) -> None:
        name, count = loaded.policy.name, service.ledger.count
        outbox = store.outbox(name)
        self._forwarding = None
        if section.forward is not None:
            target = Target(
                secrets.url,
                secrets.headers,
                section.forward.timeout,
                section.forward.give_up,
                loaded.policy.arm_header,
            )
            self._forwarding = Forwarding(outbox, target, count, clock)
        webhooks = Webhooks(
            outbox,
            service.bindings,
            secrets.tokens,
            owned=store.shadow_book(name).owned,
            forward=self._forwarding is not None,
            wake=self._forwarding.wake if self._forwarding else _nobody,
            count=count,
            clock=clock,
        )
        self._receiver = Receiver(
            *section.address,
            {arm: _sender(loaded, section, arm, token) for arm, token in secrets.tokens.items()},
            [network(one) for one in section.proxies],
            take=webhooks.take,
            count=count,
            reuse_port=reuse_port,
        )

    @property
    def address(self) -> tuple[str, int]:
        """Where webhooks are received."""
        return self._receiver.address

    async def start(self) -> None:
        """Send what waits, and receive.

        Raises:
            ReceiverError: the address cannot be listened on.
        """
        if self._forwarding is not None:
            await self._forwarding.start()
        await self._receiver.start()

    async def stop(self) -> None:
        """Take nothing more, and finish what is being sent; harmless when it was never started."""
        await self._receiver.stop()
        if self._forwarding is not None:
            await self._forwarding.stop()


def _sender(loaded: Loaded, section: WebhookPolicy, arm: Arm, token: str) -> Sender:
    sender = section.arm(arm)
    assert sender is not None, "an arm with a token has its side of the section"
    if sender.sources == ANY:
        return Sender(token)
    sources = sender.sources or loaded.profiles[arm].webhook_sources
    return Sender(token, tuple(network(one) for one in sources))


def _nobody() -> None:
    """Nothing is sent on."""
