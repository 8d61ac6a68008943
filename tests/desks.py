"""Simulated providers behind the gateway without sockets: thousands of leases in seconds, on a clock of ours."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import pytest

from canary.core.model import Arm, Failure, Headers, Response
from canary.gateway import service as service_module
from canary.gateway.accounts import Accounts
from canary.gateway.config import Loaded, Secrets
from canary.gateway.histories import Histories
from canary.gateway.ledger import Ledger
from canary.gateway.recovery import Recovery
from canary.gateway.rollouts import RolloutView
from canary.gateway.upstream import Sent
from canary.sim.behaviour import Behaviour
from canary.sim.books import Books
from canary.sim.desk import Desk
from canary.sim.faults import Fault
from canary.sim.incoming import received
from canary.sim.knobs import changed
from canary.sim.native import APIS
from tests.factories import PATH, FakeClock
from tests.rig import Rig, rig

LATENCY = 0.2
TIMEOUT = 20.0
_FAILURES = {Fault.HANG: (Failure.TIMEOUT, TIMEOUT), Fault.RESET: (Failure.RESET, LATENCY)}


class DeskUpstream:
    """Takes the place of one arm's pool."""

    in_flight = 0
    connections_opened = 0

    def __init__(self, desk: Desk, headers: Headers = ()) -> None:
        self._desk = desk
        self._headers = headers

    async def start(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def send(
        self,
        method: str,
        query: str,
        headers: Headers,
        body: bytes,
        *,
        path: str | None = None,
        repeatable: bool,
    ) -> Sent:
        """One request to the desk."""
        named = {name.lower(): value for name, value in (*headers, *self._headers)}
        api = APIS.get(self._desk.behaviour.dialect)
        arrived = (method, f"{path or PATH}?{query}", named, body, "127.0.0.1")
        call = received(*arrived) if api is None else api.received(*arrived)
        assert call is not None, f"there is no {method} {path}"
        served = self._desk.serve(call)
        answer = served.answer
        if answer is None:
            assert served.fault is not None
            failure, waited = _FAILURES[served.fault]
            return Sent(None, failure, waited, 0.0)
        head = (("Content-Type", answer.content_type), *answer.headers)
        return Sent(Response(answer.status, head, answer.text.encode()), None, LATENCY, 0.0)


class Providers:
    """Both arms' desks on one clock."""

    def __init__(self, clock: FakeClock, **behaviours: dict[str, Any]) -> None:
        self.desks = {
            arm: Desk(Behaviour(**behaviours.get(arm.value, {})), clock, f"desk-{arm}") for arm in Arm
        }

    def books(self, arm: Arm) -> Books:
        """What the provider wrote down, as of now."""
        return self.desks[arm].books

    def change(self, arm: Arm, **knobs: Any) -> None:
        """Let a provider behave differently from now on."""
        self.desks[arm].become(changed(self.desks[arm].behaviour, knobs))

    @contextmanager
    def in_place(self) -> Iterator[Self]:
        """Put the desks in the place of pools that are made meanwhile."""
        with pytest.MonkeyPatch.context() as patch:
            for made in ("_upstream", "_shadow_upstream"):
                patch.setattr(service_module, made, self._upstream)
            for worker in (Recovery, Accounts, Histories, Ledger, RolloutView):
                patch.setattr(worker, "run", _idle)
            yield self

    def _upstream(self, _loaded: Loaded, secrets: Secrets, arm: Arm, *_workers: int) -> DeskUpstream:
        return DeskUpstream(self.desks[arm], secrets.headers[arm])


async def _idle(_worker: object) -> None:
    """A background that does nothing: the test says when."""


def successes(books: Books) -> int:
    """Leases that got a code, but for those of which no client ever heard."""
    return sum(bool(lease.codes and lease.calls) for lease in books.leases)


def per_success(books: Books) -> Decimal | None:
    """What a success cost, with all refunds that are on their way."""
    kept = books.spent - books.refunded - books.owed
    return kept / successes(books) if successes(books) else None


@asynccontextmanager
async def desk_rig(
    folder: Path, providers: Providers, clock: FakeClock, **changes: Any
) -> AsyncIterator[Rig]:
    """A running gateway between two desks, without its background work: see ``settle``."""
    with providers.in_place():
        async with rig(folder, clock=clock, **changes) as running:
            yield running


async def settle(gateway: Rig) -> None:
    """Everything that the gateway does by itself now and then, once, in order."""
    service = gateway.service
    await gateway.flush()
    service.ledger.close_expired()
    await gateway.flush()
    await service.recovery.work()
    await service.accounts.work()
    await service.ledger.watch.settle(at_once=True)
    await gateway.flush()
