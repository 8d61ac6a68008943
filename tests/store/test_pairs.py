"""Counts of pairs as rows."""

from canary.core.pairs import PairKey, Pairs
from canary.store.store import Store
from tests.store.test_differences import NAME

KEY = PairKey("0123456789ab", 1, 0, "call_success")
HERE = (NAME, "0123456789ab", 1, 0)


def wrote(store: Store, proxy: str, pairs: dict[PairKey, Pairs]) -> None:
    """One proxy's batch."""
    store.flush(NAME, proxy, leases_changed=[], purchases=[], tallies={}, counters={}, pairs=pairs)


def test_what_proxies_counted_adds_up(store: Store) -> None:
    """By metric; a batch that is written again replaces what the proxy had written before."""
    latency = KEY._replace(metric="latency_p95")
    wrote(store, "a", {KEY: Pairs(1, 2, 3, 4)})
    wrote(store, "a", {KEY: Pairs(2, 2, 3, 9), latency: Pairs(only_old=7)})
    wrote(store, "b", {KEY: Pairs(10, 0, 0, 100)})
    assert store.pairs(*HERE) == {"call_success": Pairs(12, 2, 3, 109), "latency_p95": Pairs(only_old=7)}


def test_another_stage_attempt_or_margin_counts_apart(store: Store) -> None:
    """What was seen under other terms is no evidence under these."""
    for other in (KEY._replace(stage=1), KEY._replace(attempt=2), KEY._replace(terms="fedcba987654")):
        wrote(store, "a", {other: Pairs(only_new=5)})
    assert store.pairs(*HERE) == {}
