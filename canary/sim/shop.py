"""The provider's state machine: sells numbers, lets their codes come, ends and refunds them; no clock of its own."""

from collections.abc import Callable
from decimal import Decimal
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import NamedTuple

from canary.core.model import Kind
from canary.sim.answers import Refused
from canary.sim.behaviour import Behaviour
from canary.sim.ids import Ids, code_for
from canary.sim.lease import Lease, State
from canary.sim.market import prefix_of


class Came(NamedTuple):
    """A message: whose, its code, and when it came."""

    lease: Lease
    code: str
    at: float


class Shop:
    """Every method takes the time; what fell due until then happens first, at the time at which it was due.

    A refusal is raised as ``Refused`` and changes nothing. Everything random about a lease is drawn from a
    stream of its own, so that the n-th lease fares the same however the calls of other leases are interleaved.

    Attributes:
        leases: every number ever sold.
        spent, refunded: money in both directions; ``balance`` is the deposit less what was kept.
        orders: order ids that were served.
        tokens: given out for keys: whose each is, and until when.
        came: messages that the account's webhook was not told of yet.
    """

    def __init__(self, behaviour: Behaviour, seed: str) -> None:
        self.behaviour = behaviour
        self.leases: dict[tuple[Kind, str], Lease] = {}
        self.open: dict[tuple[Kind, str], Lease] = {}
        self.orders: set[str] = set()
        self.tokens: dict[str, tuple[str, float]] = {}
        self.spent = Decimal(0)
        self.refunded = Decimal(0)
        self.came: list[Came] = []
        self._seed = seed
        self._ids = Ids(Random(f"{seed}/ids"))  # noqa: S311  a simulation
        self._stock = Random(f"{seed}/stock")  # noqa: S311
        self._due: list[tuple[float, int, Callable[[Lease, float], None], Lease]] = []
        self._ordinal = count()

    @property
    def balance(self) -> Decimal:
        return self.behaviour.deposit - self.spent + self.refunded

    @property
    def owed(self) -> Decimal:
        """Refunds on their way."""
        waiting = (x for x in self.leases.values() if x.refund_due is not None and x.refunded_at is None)
        return sum((lease.price for lease in waiting), start=Decimal(0))

    def become(self, behaviour: Behaviour, now: float) -> None:
        """Behave differently from now on; what is already due happens the old way."""
        self.settle(now)
        self.behaviour = behaviour

    def settle(self, now: float) -> None:
        """Let everything happen that falls due until ``now``, in the order of its time."""
        due = self._due
        while due and due[0][0] <= now:
            at, _, event, lease = heappop(due)
            event(lease, at)

    def find(self, kind: Kind, lease_id: str, now: float) -> Lease | None:
        """The lease of that id, unless it was never issued or is forgotten."""
        self.settle(now)
        lease = self.leases.get((kind, lease_id))
        if lease is None or self._forgotten(lease, now):
            return None
        return lease

    def sell(
        self,
        now: float,
        service: str,
        country: str,
        *,
        key: str,
        id_kind: str,
        kind: Kind = Kind.ACTIVATION,
        price: Decimal | None = None,
        lifetime: float | None = None,
        phone: str = "",
        sandbox: bool = False,
        operator: str = "any",
    ) -> Lease:
        """Sell a number.

        Args:
            price: the sticker price, the behaviour's by default; nothing is charged in the sandbox.
            lifetime: seconds, the behaviour's by default.
            phone: sell this very number again instead of a new one.

        Raises:
            Refused: CHANNELS_LIMIT, NO_BALANCE or NO_NUMBERS.
        """
        self.settle(now)
        behaviour = self.behaviour
        price = behaviour.price_of(service, country) if price is None else price
        charged = Decimal(0) if sandbox else price
        if behaviour.max_active and len(self.open) >= behaviour.max_active:
            raise Refused(
                "CHANNELS_LIMIT",
                info={"current_threads": len(self.open), "max_allowed": behaviour.max_active},
            )
        if charged > self.balance:
            raise Refused("NO_BALANCE")
        if self._stock.random() < behaviour.stock_out_for(service, country):
            raise Refused("NO_NUMBERS")
        ordinal = len(self.leases)
        lease = Lease(
            ordinal=ordinal,
            kind=kind,
            id=self._new_id(kind, id_kind),
            service=service,
            country=country,
            phone=phone or self._new_phone(ordinal, country),
            price=charged,
            sandbox=sandbox,
            key=key,
            bought_at=now,
            ends_at=now + (behaviour.lifetime_of(service) if lifetime is None else lifetime),
            operator=operator,
        )
        self.leases[lease.kind, lease.id] = self.open[lease.kind, lease.id] = lease
        self.spent += charged
        self._expect_code(lease, now)
        self._at(lease.ends_at, self._end, lease)
        return lease

    def ask_again(self, lease: Lease, now: float) -> None:
        """Wait for another code, free of charge.

        Raises:
            Refused: no code came yet, or the lease has ended.
        """
        if lease.state is not State.CODE:
            raise Refused("ask_without_code" if lease.open else "cancel_ended")
        lease.state = State.ASKED
        self._expect_code(lease, now)

    def finish(self, lease: Lease, now: float, *, blank: bool) -> None:
        """Accept the code: the lease is over and stays billed, even without one when ``blank`` allows that.

        Raises:
            Refused: it has ended, or there is no code and ``blank`` is false.
        """
        if not lease.open:
            raise Refused("finish_twice")
        if not lease.codes and not blank:
            raise Refused("finish_without_code")
        self._close(lease, State.FINISHED, now)

    def cancel(self, lease: Lease, now: float) -> None:
        """Give the number back for a refund.

        Raises:
            Refused: it is too early, a code came, or the lease has ended.
        """
        if lease.state is State.CANCELLED:
            raise Refused("cancel_twice")
        if not lease.open:
            raise Refused("cancel_ended")
        if lease.codes:
            raise Refused("cancel_with_code")
        hold = self.behaviour.minimum_hold
        if lease.kind is Kind.ACTIVATION and now < lease.bought_at + hold:
            raise Refused("EARLY_CANCEL_DENIED", info={"minActivationTime": int(hold)})
        self._close(lease, State.CANCELLED, now)
        self._owe(lease, now)
        self.settle(now)

    def extend(self, lease: Lease, ends_at: float, price: Decimal) -> None:
        """Let an open lease live until ``ends_at`` for ``price`` more.

        Raises:
            Refused: NO_BALANCE.
        """
        charged = Decimal(0) if lease.sandbox else price
        if charged > self.balance:
            raise Refused("NO_BALANCE")
        lease.price += charged
        self.spent += charged
        lease.ends_at = ends_at
        self._at(ends_at, self._end, lease)

    # --- what happens by itself --------------------------------------------------------------------------------

    def _at(self, at: float, event: Callable[[Lease, float], None], lease: Lease) -> None:
        heappush(self._due, (at, next(self._ordinal), event, lease))

    def _expect_code(self, lease: Lease, now: float) -> None:
        behaviour, random = self.behaviour, self._random(lease)
        comes = random.random() < behaviour.success_for(lease.service, lease.country)
        due = now + behaviour.code_delay.draw(random)
        lease.code_due = due if comes else None
        if comes:
            self._at(due, self._deliver, lease)

    def _deliver(self, lease: Lease, at: float) -> None:
        if lease.code_due != at or not lease.open or self.behaviour.silent_outage:
            return
        lease.codes.append(code_for(lease.phone, len(lease.codes)))
        lease.code_at = lease.code_at or at
        lease.state = State.CODE
        if self.behaviour.webhook:
            self.came.append(Came(lease, lease.code, at))

    def _end(self, lease: Lease, at: float) -> None:
        if not lease.open or lease.ends_at != at:
            return
        used = lease.codes or lease.kind is Kind.RENT
        self._close(lease, State.FINISHED if used else State.EXPIRED, at)
        if lease.state is State.EXPIRED and self.behaviour.auto_refund:
            self._owe(lease, at)

    def _close(self, lease: Lease, state: State, at: float) -> None:
        lease.state = state
        lease.ended_at = at
        del self.open[lease.kind, lease.id]

    def _owe(self, lease: Lease, at: float) -> None:
        lease.refund_due = at + self.behaviour.refund_delay.draw(self._random(lease))
        self._at(lease.refund_due, self._refund, lease)

    def _refund(self, lease: Lease, at: float) -> None:
        lease.refunded_at = at
        self.refunded += lease.price

    def _random(self, lease: Lease) -> Random:
        """A fresh stream for the lease's next draw; kept streams would weigh kilobytes a lease."""
        lease.draws += 1
        return Random(f"{self._seed}/{lease.ordinal}/{lease.draws}")  # noqa: S311

    def _new_phone(self, ordinal: int, country: str) -> str:
        digits = Random(f"{self._seed}/{ordinal}").randrange(10**8, 10**9)  # noqa: S311
        return f"{prefix_of(int(country))}{digits}"

    def _new_id(self, kind: Kind, id_kind: str) -> str:
        while (lease_id := self._ids.issue(kind, id_kind, self.behaviour)) and (
            kind,
            lease_id,
        ) in self.leases:
            pass
        return lease_id

    def _forgotten(self, lease: Lease, now: float) -> bool:
        after = self.behaviour.forget_after
        return after is not None and lease.ended_at is not None and now >= lease.ended_at + after
