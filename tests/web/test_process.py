"""How the words of several processes become one."""

from collections import Counter
from dataclasses import fields

import pytest

from canary.core.model import Arm
from canary.core.tally import Tally
from canary.store.store import Store
from canary.web.process import _MERGED, Pool, Process, ended, merged
from tests.factories import FakeClock, trollout
from tests.web.serving import serving
from tests.web.test_metrics import shown, tprocess, value


def busy(**changes: object) -> Process:
    """A process that has something of everything."""
    tally = Tally()
    tally.add("ok", "OK", 7)
    values = {
        "calls": {(Arm.NEW, "getStatus"): tally},
        "purchases": Counter({(Arm.OLD, "ok"): 2}),
        "counters": Counter({"aliases": 3}),
        "pools": {arm: Pool(4, 5) for arm in Arm},
        "in_flight": 6,
        "leases": 7,
        "shadow_queue": 8,
        "flush_failures": 9,
        "store_lag": 0.5,
        "ledger_lag": 0.25,
        "rollout": trollout(revision=3),
    }
    return tprocess(**{**values, **changes})


def test_counts_are_added_up() -> None:
    """Calls, latencies, purchases, named counters and connections of all processes are one sum."""
    both = merged([busy(), busy()])
    assert both.calls[Arm.NEW, "getStatus"].outcomes == {"ok": 2}
    assert both.calls[Arm.NEW, "getStatus"].latency == {7: 2}
    assert (both.purchases[Arm.OLD, "ok"], both.counters["aliases"], both.flush_failures) == (4, 6, 18)
    assert both.pools == {arm: Pool(8, 10) for arm in Arm}


def test_gauges_are_joined_by_what_they_mean() -> None:
    """What is under way is added up; a lag is the longest; all must be fresh; the slowest process's rollout counts."""
    late = busy(fresh=False, store_lag=4.0, leases=2, rollout=trollout(revision=2, weight=0.3))
    both = merged([busy(), late])
    assert (both.in_flight, both.shadow_queue, both.workers) == (12, 16, 2)
    assert (both.store_lag, both.ledger_lag, both.leases, both.fresh) == (4.0, 0.25, 7, False)
    assert both.rollout == late.rollout


@pytest.mark.parametrize("field", [field.name for field in fields(Process)])
def test_an_ended_process_changes_nothing_but_counts(field: str) -> None:
    """Its counts stay, so that no counter falls; it is late with nothing and holds nothing."""
    gone, alive = ended(busy(fresh=False, store_lag=60.0, rollout=trollout(revision=0))), busy()
    joined = getattr(merged([gone, alive]), field)
    if field in {"calls", "purchases", "counters", "flush_failures", "replaced"}:
        assert joined == _MERGED[field]([getattr(alive, field)] * 2)
    elif field == "pools":
        assert joined == {arm: Pool(4, 10) for arm in Arm}
    else:
        assert joined == getattr(alive, field)


def test_nobody_at_all_is_no_worker() -> None:
    """A scrape between two lives of the only worker shows none, and no number that is made up."""
    text = shown(process=merged([]))
    assert value(text, "canary_workers") == 0
    assert value(text, "canary_in_flight") == 0


class Nobody:
    """A proxy of whose workers none serves at the moment."""

    async def facts(self) -> Process:
        return merged([])

    async def refresh(self) -> None:
        """There is nobody to look."""


async def test_without_a_worker_nothing_is_ready(store: Store, clock: FakeClock) -> None:
    """Neither for balancers, which would send clients here, nor for anybody else."""
    async with serving(store, clock, proxies=Nobody()) as client:
        for path in ("/readyz", "/readyz?for=clients"):
            status, body = await client.get(path)
            assert (status, body["reasons"]) == (503, ["no worker answers clients; they are being replaced"])
