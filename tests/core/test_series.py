"""The counts of one metric."""

from decimal import Decimal

from canary.core.model import Arm
from canary.core.policy.gates import Gate
from canary.core.series import Series, one
from canary.core.stats.bins import bin_of
from canary.core.stats.eprocess import Side
from canary.core.stats.strata import QUICK, WARMUP, Bet, Frozen, Key, Money
from tests.core.traffic import EPOCH, EQUAL, START, traffic
from tests.factories import NOW, tassignment, tlease, tpurchase

ACQUIRE = Gate("acquire", 0.02, 0.03, 30.0, 0.15)
LATENCY = Gate("latency_p95", 1.25, 1.25, 120.0, 0.15)
COST = Gate("cost_per_success", 1.1, 1.1, 1200.0, 0.10)
KEY = Key(1, 0.05)
ON_NEW = tpurchase(arm=Arm.NEW, assignment=tassignment())


def test_one_purchase_is_a_stratum_of_its_own():
    """A purchase adds one bet, one reading, and what its metric shows."""
    counts = one(ACQUIRE, Frozen(0.05), ON_NEW, tlease(arm=Arm.NEW), {})
    assert counts.bets[Side.ROLLBACK] == {Bet(Arm.NEW, 0, 1): 1}
    assert counts.read == counts.known == {Arm.NEW: 1}


def test_quick_calls_are_told_apart_only_near_the_threshold():
    """What lies far below the p95 is one bin, so that an epoch stays small."""
    slow = bin_of(2.0)
    calls = b"".join(
        (0).to_bytes(2, "little") + bin_of(latency).to_bytes(2, "little") for latency in (0.01, 0.2, 1.9)
    )
    counts = one(LATENCY, Frozen(0.05, slow=slow), ON_NEW, tlease(arm=Arm.NEW, calls=calls), {})
    assert counts.calls[Arm.NEW] == {slow - QUICK: 2, bin_of(1.9): 1}
    assert one(LATENCY, None, ON_NEW, tlease(calls=calls), {}).calls[Arm.NEW][bin_of(0.01)] == 1


def test_money_is_counted_in_the_unit_of_old():
    """A price factor converts, and a refunded lease costs nothing."""
    factors = {Arm.NEW: Decimal(90)}
    paid = one(COST, None, ON_NEW, tlease(price=Decimal("0.1"), code_at=NOW + 5), factors)
    refunded = one(COST, None, ON_NEW, tlease(price=Decimal("0.1"), claimed_at=NOW + 5), factors)
    assert paid.money[Arm.NEW] == Money(Decimal("9.0"), 1, Decimal("9.0"))
    assert refunded.money[Arm.NEW] == Money()


def filled() -> Series:
    series = Series(ACQUIRE, EPOCH)
    for serial, purchase, lease in traffic(EQUAL, 300, gap=30.0):
        series.add(KEY, serial, purchase, lease, {})
        series.cursor = serial
    return series


def test_epochs_are_cut_by_the_wall_clock():
    """Each purchase belongs to the epoch in which it started."""
    changed = filled().take_changed()
    assert list(changed) == [START + n * EPOCH for n in range(5)]
    assert [part["serial"] for part in changed.values()] == [60, 120, 180, 240, 300]


def test_the_last_epochs_can_be_looked_at_alone():
    """Recent strata are those of the last epochs that had a purchase."""
    series = filled()
    assert len(list(series.strata())) == 5
    [(key, recent)] = series.strata(1)
    assert key == KEY
    assert recent.read.total() == 60


def test_a_purchase_on_new_before_old_is_known_is_no_bet():
    """It could not be scored, and teaches nothing of old."""
    series = Series(LATENCY, EPOCH)
    series.add(KEY, 1, ON_NEW, tlease(arm=Arm.NEW), {})
    assert list(series.strata()) == []
    series.add(KEY, 2, tpurchase(assignment=tassignment(arm=Arm.OLD)), tlease(), {})
    assert [key for key, _ in series.strata()] == [WARMUP]
