"""The ledger as one JSON object: what leases cost per arm and offer, and what the arms' balances say of it."""

from collections.abc import Mapping
from typing import Any

from canary.core.accounts import Books, Terms
from canary.core.model import Arm
from canary.core.money import Money
from canary.core.policy.notation import show_duration
from canary.store.accounts import Lag, Overdue
from canary.store.errors import StoreError
from canary.store.store import Store
from canary.web.status import amount

LOST = {
    "seen": "lost_purchases",
    "recovered": "recovered_purchases",
    "absent": "absent_purchases",
    "unrecovered": "unrecovered_purchases",
}
"""Counters of lost purchases by what became of them."""


def ledger_of(store: Store, name: str) -> dict[str, Any]:
    """The ledger of the rollout ``name``. Money in each arm's own unit, times seconds.

    Raises:
        StoreError: the store cannot be read, or holds no such rollout.
    """
    if store.rollout(name) is None:
        raise StoreError(f"{store.name} holds no rollout named {name!r}; start it with canary run")
    books, terms, lags = store.books(name), store.terms(name), store.refund_lags(name)
    counters = store.counters(name)
    shared = any(one.shared for arm in Arm for one in books[arm].accounts)
    offers = sorted(store.offers(name).items(), key=lambda one: (one[0].service, one[0].country, one[0].arm))
    return {
        "name": name,
        "arms": {arm.value: _arm(books[arm], terms[arm], lags[arm], shared) for arm in Arm},
        "offers": [
            {"service": offer.service, "country": offer.country, "arm": offer.arm.value, **_money(money)}
            for offer, money in offers
        ],
        "overdue": [_overdue(one) for one in store.overdue(name)],
        "lost": {key: counters[counter] for key, counter in LOST.items()},
    }


def _arm(books: Books, terms: Terms, lag: Lag, shared: bool) -> dict[str, Any]:
    per_success = books.money.per_success
    return {
        "currency": terms.currency,
        "factor": amount(terms.factor),
        **_money(books.money),
        "refunded": amount(books.refunded),
        "outstanding": amount(books.outstanding),
        "overdue": amount(books.overdue),
        "compared_per_success": None if per_success is None else amount(per_success * terms.factor),
        "refund_lag": {"n": lag.n, "mean": lag.mean, "longest": lag.longest},
        "accounts": [
            {
                "key": one.account,
                "at": one.at,
                "balance": amount(one.balance),
                "expected": amount(one.expected),
                "outstanding": amount(one.outstanding),
                "unexplained": amount(one.unexplained),
            }
            for one in books.accounts
        ],
        "drift": amount(books.drift),
        "explained": books.explained,
        "why": why(books, terms, shared=shared),
    }


def _money(money: Money) -> dict[str, Any]:
    return {
        "leases": money.leases + money.unpriced,
        "unpriced": money.unpriced,
        "successes": money.successes,
        "sticker": amount(money.sticker),
        "spent": amount(money.spent),
        "refunded": amount(money.refunded),
        "per_success": amount(money.per_success),
    }


def why(books: Books, terms: Terms, *, shared: bool = False) -> str:
    """What the balance says, in a sentence: a refund that is on its way is no anomaly.

    Args:
        shared: whether both arms buy from one account.
    """
    if books.drift is None:
        if shared:
            return "both arms buy from one account, which is followed as old's"
        return "no balance was seen yet; reconcile: {poll: 60s} asks for it"
    if not books.drift:
        return "the balance is what the leases say"
    said = []
    if coming := books.outstanding - books.overdue:
        within = show_duration(terms.refund_within)
        said.append(f"{coming:f} of refunds on their way, which may take {within} here")
    if books.overdue:
        said.append(f"{books.overdue:f} of refunds overdue")
    unexplained = sum(one.unexplained for one in books.accounts)
    if unexplained:
        unpriced = f", {books.money.unpriced} leases of unknown price" if books.money.unpriced else ""
        said.append(f"{unexplained:f} unexplained: lost purchases{unpriced}, or money spent past the harness")
    return f"{-books.drift:f} less than the leases say: {'; '.join(said)}"


def _overdue(one: Overdue) -> Mapping[str, Any]:
    return {
        "arm": one.arm.value,
        "id": one.id,
        "service": one.service,
        "country": one.country,
        "client": one.client,
        "price": amount(one.price),
        "due_at": one.due_at,
        "basis": one.basis.value,
        "history": one.word.value if one.word else None,
    }
