"""Facts for tests with overridable defaults, and a clock that moves when told to."""

from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from canary.core.model import (
    Arm,
    Assignment,
    Call,
    Decision,
    Exchange,
    Issued,
    Kind,
    Lease,
    Outcome,
    Progress,
    Purchase,
    Reply,
    Request,
    Rollout,
    RolloutState,
)
from canary.core.protocol.parse import parse

NOW = 1_700_000_000.0
"""The time at which a test begins, in seconds since the epoch."""

CLIENT_KEY = "client-key-0123456789abcdef"
"""The client's own key: it must appear nowhere but on the wire to an arm with ``passthrough``."""

OLD_KEY = "old-arm-key-fedcba9876543210"
NEW_KEY = "new-arm-key-a1b2c3d4e5f60718"

PATH = "/stubs/handler_api.php"


class FakeClock:
    """A clock that stands still until ``advance``; call it for the time."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> float:
        """Move on, and return the new time."""
        self.now += seconds
        return self.now


def treq(action: str | None = "getBalance", *, key: str | None = CLIENT_KEY, **changes: Any) -> Request:
    """A request for ``action``.

    Args:
        key: the client's ``api_key``; ``None`` for a request without one.
        changes: fields of ``Request``, or else parameters of the query (``id=7``, ``service="tg"``). A ``query``
            given as such replaces the one built from the other parameters.
    """
    fields = {
        name: changes.pop(name) for name in ("method", "path", "headers", "body", "client") if name in changes
    }
    query = changes.pop("query", None)
    if query is None:
        named = {"api_key": key, "action": action, **changes}
        query = urlencode({name: value for name, value in named.items() if value is not None})
    return Request(**{"method": "GET", "path": PATH, "query": query, "client": "192.0.2.7", **fields})


def tcall(action: str = "getBalance", **params: Any) -> Call:
    """The call that the client's request for ``action`` with these parameters makes."""
    return parse(treq(action, **params))


def treply(outcome: Outcome = Outcome.OK, code: str = "ACCESS_READY", **changes: Any) -> Reply:
    """A reply; with ``progress=Progress.CODE`` it holds a code unless told otherwise."""
    if changes.get("progress") is Progress.CODE:
        changes.setdefault("sms", "123456")
    return Reply(outcome, code, **changes)


def tissued(id: str = "635468024", **changes: Any) -> Issued:  # noqa: A002  the field's own name
    """One number out of a purchase reply."""
    return Issued(**{"id": id, "phone": "79584123456", "service": "tg", **changes})


def texchange(call: Call | None = None, reply: Reply | None = None, **changes: Any) -> Exchange:
    """A call and its reply on the old arm, answered in 200 ms."""
    defaults = {"arm": Arm.OLD, "at": NOW, "latency": 0.2, "status": 200}
    return Exchange(call=call or tcall(), reply=reply or treply(), **{**defaults, **changes})


def tassignment(**changes: Any) -> Assignment:
    """A draw for ``new`` at 5 %."""
    return Assignment(
        **{"unit": "p-1", "arm": Arm.NEW, "probability": 0.05, "attempt": 1, "stage": 1, **changes}
    )


def tpurchase(**changes: Any) -> Purchase:
    """A purchase that the old arm served well."""
    defaults = {
        "id": "p-1",
        "at": NOW,
        "arm": Arm.OLD,
        "action": "getNumber",
        "outcome": Outcome.OK,
        "code": "ACCESS_NUMBER",
        "latency": 0.4,
        "service": "tg",
        "country": "6",
        "client": "192.0.2.7",
    }
    return Purchase(**{**defaults, **changes})


def tlease(**changes: Any) -> Lease:
    """An open activation on the old arm, shown to the client by its own id."""
    own = str(changes.get("id", "635468024"))
    defaults = {
        "arm": Arm.OLD,
        "kind": Kind.ACTIVATION,
        "id": own,
        "visible_id": own,
        "opened_at": NOW,
        "purchase": "p-1",
        "service": "tg",
        "country": "6",
        "client": "192.0.2.7",
        "price": Decimal("12.50"),
        "price_source": "reply",
        "expires_at": changes.get("opened_at", NOW) + 1200,
        "seen_at": NOW,
    }
    return Lease(**{**defaults, **changes})


def trollout(**changes: Any) -> Rollout:
    """A running rollout in its canary stage: 5 % of new leases, 10 % shadow, safe arm old."""
    defaults = {
        "name": "smsactivate-to-verifysms",
        "salt": "salt",
        "state": RolloutState.RUNNING,
        "stage": "canary",
        "stage_index": 1,
        "weight": 0.05,
        "shadow": 0.1,
        "safe_arm": Arm.OLD,
        "since": NOW,
    }
    return Rollout(**{**defaults, **changes})


def tdecision(**changes: Any) -> Decision:
    """A decision of the controller to stay where it is."""
    defaults = {
        "at": NOW,
        "actor": "controller",
        "event": "advance",
        "reason": "every gate cleared",
        "before": RolloutState.RUNNING,
        "after": RolloutState.RUNNING,
        "stage": "canary",
        "weight": 0.05,
        "attempt": 1,
        "policy_hash": "0123456789ab",
        "version": "0.1.0",
    }
    return Decision(**{**defaults, **changes})
