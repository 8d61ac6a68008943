"""The provider's own record: what arrived, what it was answered, and what came of every lease.

A test holds it against the harness's ledger: money to the cent, no call at the wrong provider, no repeats.
"""

import re
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from canary.core.actions import Action, lookup
from canary.core.model import Kind
from canary.sim.answers import written
from canary.sim.incoming import Incoming
from canary.sim.lease import Lease
from canary.sim.shop import Shop

TAG = "ref"
"""The parameter with which a client may mark each request: a mark that arrives twice was repeated on the way."""


_KEY = re.compile(r"((?:^|&)api(?:_|%5[Ff])key=)[^&]*")


@dataclass(frozen=True, slots=True)
class Entry:
    """One request that arrived; its text holds no key. ``result`` is the answer's word or the fault it met."""

    at: float
    method: str
    path: str
    query: str
    headers: tuple[str, ...]  # names only
    body: str
    source: str
    key: str  # fingerprint
    action: str
    result: str
    foreign: bool  # it names an id that this provider never issued
    repeated: bool  # its mark had been seen before


class Books:
    """Counts and a bounded log of requests, over a shop's leases.

    Attributes:
        requests: the latest of them.
        calls: how many arrived in all.
        by_action: calls by action as sent.
        by_word: calls by the first word of the answer, or the fault they met.
        repeated: repeated calls by effect of their action.
        foreign: calls that name an id which this provider never issued.
        lost: numbers that were sold although no answer was given.
        webhooks: those that were sent, taken and given up.
    """

    def __init__(self, shop: Shop, log_size: int) -> None:
        self._shop = shop
        self._marks: set[str] = set()
        self.requests: deque[Entry] = deque(maxlen=log_size)
        self.calls = 0
        self.by_action: Counter[str] = Counter()
        self.by_word: Counter[str] = Counter()
        self.repeated: Counter[str] = Counter()
        self.foreign = 0
        self.lost = 0
        self.webhooks: Counter[str] = Counter()

    @property
    def leases(self) -> list[Lease]:
        """Every number ever sold, in order."""
        return list(self._shop.leases.values())

    def lease(self, lease_id: str, kind: Kind = Kind.ACTIVATION) -> Lease:
        """The lease of that id.

        Raises:
            KeyError: it was never issued.
        """
        return self._shop.leases[kind, lease_id]

    @property
    def balance(self) -> Decimal:
        return self._shop.balance

    @property
    def spent(self) -> Decimal:
        """Everything that was charged."""
        return self._shop.spent

    @property
    def refunded(self) -> Decimal:
        """Refunds that have arrived."""
        return self._shop.refunded

    @property
    def owed(self) -> Decimal:
        """Refunds that are on their way."""
        return self._shop.owed

    def enter(self, call: Incoming, at: float, result: str) -> None:
        """Write down one request and what came of it."""
        action = lookup(call.action)
        foreign = action is not None and self._foreign(action, call)
        repeated = self._seen(call)
        payer = call.payer
        self.calls += 1
        self.by_action[call.action] += 1
        self.by_word[result] += 1
        self.foreign += foreign
        if repeated:
            self.repeated[action.effect.value if action else "unknown"] += 1
        self.requests.append(
            Entry(
                at=at,
                method=call.method,
                path=call.path,
                query=_keyless(call.query, payer),
                headers=tuple(call.headers),
                body=_keyless(call.body.decode("utf-8", "replace"), payer),
                source=call.source,
                key=payer,
                action=call.action,
                result=result,
                foreign=foreign,
                repeated=repeated,
            )
        )

    def as_json(self, *, leases: bool = True) -> dict[str, Any]:
        """Everything but the requests."""
        shop = self._shop
        return {
            "balance": written(self.balance),
            "spent": written(self.spent),
            "refunded": written(self.refunded),
            "owed": written(self.owed),
            "calls": self.calls,
            "by_action": dict(self.by_action),
            "by_word": dict(self.by_word),
            "sold": len(shop.leases),
            "open": len(shop.open),
            "states": dict(Counter(lease.state.value for lease in shop.leases.values())),
            "foreign": self.foreign,
            "repeated": dict(self.repeated),
            "lost": self.lost,
            "webhooks": dict(self.webhooks),
            **({"leases": [lease.as_json() for lease in shop.leases.values()]} if leases else {}),
        }

    def log(self, action: str = "", limit: int = 1000) -> list[dict[str, Any]]:
        """The latest requests, oldest first, of one action when it is given."""
        chosen = [asdict(entry) for entry in self.requests if action in {"", entry.action}]
        return chosen[-limit:]

    def _foreign(self, action: Action, call: Incoming) -> bool:
        foreign = False
        for lease_id in _ids(action, call):
            kinds = tuple(Kind) if call.any_kind else (action.kind,)
            found = (self._shop.leases.get((kind, lease_id)) for kind in kinds)
            lease = next((lease for lease in found if lease is not None), None)
            if lease is None:
                foreign = True
            else:
                lease.calls += 1
        return foreign

    def _seen(self, call: Incoming) -> bool:
        mark = call.params.get(TAG)
        if not mark:
            return False
        if mark in self._marks:
            return True
        self._marks.add(mark)
        return False


def _ids(action: Action, call: Incoming) -> Iterable[str]:
    value = call.get(*action.ids)
    if not value:
        return ()
    return [one for one in value.split(",") if one] if action.many else (value,)


def _keyless(text: str, fingerprint: str) -> str:
    """``text`` with the key's fingerprint in place of the key."""
    return _KEY.sub(rf"\g<1>{fingerprint}", text)
