"""Reads of the account: balance, open leases, history."""

from collections.abc import Iterable
from decimal import ROUND_DOWN, Decimal
from itertools import islice

from canary.core.model import Kind
from canary.sim.answers import Answer, Refused, data, text, written
from canary.sim.lease import Lease
from canary.sim.shapes import active_row, history_row
from canary.sim.visit import Handler, Visit

MAX_ROWS = 100


def _balance(visit: Visit) -> Answer:
    balance = visit.shop.balance
    style = visit.dialect.balance
    if style == "whole":
        return text(f"ACCESS_BALANCE:{balance.quantize(Decimal(1), ROUND_DOWN)}")
    shown = written(balance)
    return text(f"ACCESS_BALANCE:{shown.replace('.', ',') if style == 'comma' else shown}")


def _active(visit: Visit) -> Answer:
    leases = [lease for lease in visit.shop.open.values() if lease.kind is Kind.ACTIVATION]
    rows = [active_row(visit.dialect, lease) for lease in _page(visit, leases, len(leases))]
    if visit.dialect.active == "list":
        return data(rows)
    if visit.dialect.active == "herosms":
        empty = {"data": [], "activeActivations": {"row": [], "rows": []}}
        return data({"status": "success", "data": rows} if rows else empty)
    if not rows:
        raise Refused("NO_ACTIVATIONS")
    return data({"status": "success", "activeActivations": rows})


def _history(visit: Visit) -> Answer:
    begin, end = _number(visit, "start", 0), _number(visit, "end", int(visit.now) + 1)
    leases = (
        lease
        for lease in reversed(visit.shop.leases.values())
        if lease.kind is Kind.ACTIVATION and begin <= lease.bought_at <= end
    )
    offset = _number(visit, "offset", 0)
    limit = min(_number(visit, "limit", _number(visit, "size", MAX_ROWS)), MAX_ROWS)
    return data([history_row(visit.dialect, lease) for lease in islice(leases, offset, offset + limit)])


def _qiwi(visit: Visit) -> Answer:
    return data({"status": 1, "wallet": "79001234567", "comment": visit.call.payer, "up_to_date": True})


def _page(visit: Visit, leases: list[Lease], most: int) -> Iterable[Lease]:
    start = _number(visit, "start", 0)
    length = _number(visit, "limit", _number(visit, "length", most))
    return leases[start : start + length]


def _number(visit: Visit, name: str, default: int) -> int:
    """A parameter that is a number; anything else counts as absent."""
    value = visit.call.get(name)
    return int(value) if value.isascii() and value.isdigit() else default


HANDLERS: dict[str, Handler] = {
    "getBalance": _balance,
    "getBalanceAndCashBack": _balance,
    "getActiveActivations": _active,
    "getListOfActiveActivations": _active,
    "getHistory": _history,
    "getQiwiRequisites": _qiwi,
}
