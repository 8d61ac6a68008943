from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.model import Kind
from canary.sim.answers import Refused
from canary.sim.behaviour import Behaviour, Spread
from canary.sim.lease import Lease, State
from canary.sim.shop import Shop
from tests.factories import NOW


def a_shop(*, seed: str = "1", **knobs) -> Shop:
    defaults = {"success": 1, "code_delay": 10, "refund_delay": 30, "deposit": 10, "price": "0.20"}
    return Shop(Behaviour(**{**defaults, **knobs}), seed)


def sell(shop: Shop, now: float = NOW, **how) -> Lease:
    return shop.sell(now, "tg", "6", key="k", id_kind="int", **how)


def refusal(call, *args, **kwargs) -> str:
    with pytest.raises(Refused) as caught:
        call(*args, **kwargs)
    return caught.value.reason


def test_a_code_comes_when_it_is_due():
    """Nothing is there before the delay, the code after it, stamped with its own time however late one looks."""
    shop = a_shop()
    lease = sell(shop)
    shop.settle(NOW + 9.9)
    assert (lease.state, lease.code) == (State.WAITING, "")
    shop.settle(NOW + 500)
    assert (lease.state, lease.code_at, len(lease.code)) == (State.CODE, NOW + 10, 6)


def test_an_expired_lease_is_refunded_from_the_moment_it_expired():
    """Expiry and refund happen at their times, not when somebody looks."""
    shop = a_shop(success=0)
    lease = sell(shop)
    shop.settle(NOW + 1229)
    assert (lease.state, lease.ended_at, lease.refunded_at) == (State.EXPIRED, NOW + 1200, None)
    assert (shop.balance, shop.owed) == (Decimal("9.80"), Decimal("0.20"))
    shop.settle(NOW + 1230)
    assert (lease.refunded_at, shop.balance, shop.owed) == (NOW + 1230, Decimal(10), Decimal(0))


def test_without_auto_refund_an_expired_lease_stays_billed():
    """Only a cancel gets the money back then."""
    shop = a_shop(success=0, auto_refund=False)
    sell(shop)
    shop.settle(NOW + 10_000)
    assert (shop.balance, shop.owed) == (Decimal("9.80"), Decimal(0))


def test_a_lease_with_a_code_ends_billed():
    """Its lifetime finishes a lease whose code came; it is not refunded."""
    shop = a_shop()
    lease = sell(shop)
    shop.settle(NOW + 10_000)
    assert (lease.state, lease.ended_at, lease.refund_due) == (State.FINISHED, NOW + 1200, None)


def test_a_cancel_waits_for_the_minimum_hold():
    """Earlier it is refused and changes nothing; from then on it is accepted and refunded once."""
    shop = a_shop(success=0)
    lease = sell(shop)
    assert refusal(shop.cancel, lease, NOW + 119.9) == "EARLY_CANCEL_DENIED"
    assert lease.open
    shop.cancel(lease, NOW + 120)
    assert refusal(shop.cancel, lease, NOW + 121) == "cancel_twice"
    shop.settle(NOW + 10_000)
    assert (lease.refunded_at, shop.refunded) == (NOW + 150, Decimal("0.20"))


def test_a_refund_without_delay_is_there_at_once():
    """A cancel's money is back before its answer is read."""
    shop = a_shop(success=0, refund_delay=0)
    shop.cancel(sell(shop), NOW + 200)
    assert shop.balance == Decimal(10)


def test_a_cancel_after_the_code_or_the_end_is_refused():
    """A number that was used cannot be given back."""
    shop = a_shop()
    used, over = sell(shop), sell(shop)
    shop.settle(NOW + 11)
    shop.finish(over, NOW + 11, blank=False)
    assert refusal(shop.cancel, used, NOW + 200) == "cancel_with_code"
    assert refusal(shop.cancel, over, NOW + 200) == "cancel_ended"


def test_finishing_needs_a_code_unless_blank_is_allowed():
    """A blank finish bills a lease that never had a code."""
    shop = a_shop(success=0)
    lease = sell(shop)
    assert refusal(shop.finish, lease, NOW + 1, blank=False) == "finish_without_code"
    shop.finish(lease, NOW + 1, blank=True)
    assert refusal(shop.finish, lease, NOW + 2, blank=True) == "finish_twice"
    shop.settle(NOW + 10_000)
    assert shop.balance == Decimal("9.80")


def test_asking_again_brings_a_second_code_free_of_charge():
    """After a code another one may be asked for, and differs."""
    shop = a_shop()
    lease = sell(shop)
    assert refusal(shop.ask_again, lease, NOW + 1) == "ask_without_code"
    shop.settle(NOW + 10)
    shop.ask_again(lease, NOW + 20)
    assert lease.state is State.ASKED
    shop.settle(NOW + 30)
    assert (lease.state, len(set(lease.codes)), shop.spent) == (State.CODE, 2, Decimal("0.20"))
    assert lease.code_at == NOW + 10


def test_codes_that_fall_due_in_a_silent_outage_never_come():
    """An outage swallows what is due during it, and nothing before or after."""
    shop = a_shop()
    before, during = sell(shop), sell(shop, NOW + 5)
    shop.become(shop.behaviour.model_copy(update={"silent_outage": True}), NOW + 12)
    shop.become(shop.behaviour.model_copy(update={"silent_outage": False}), NOW + 20)
    after = sell(shop, NOW + 20)
    shop.settle(NOW + 100)
    assert (bool(before.code), bool(during.code), bool(after.code)) == (True, False, True)


def test_what_is_due_happens_as_it_was_when_it_fell_due():
    """A new refund delay holds for what ends from then on."""
    shop = a_shop(success=0)
    first, second = sell(shop), sell(shop, NOW + 100)
    shop.become(shop.behaviour.model_copy(update={"refund_delay": Spread(median=1)}), NOW + 1210)
    shop.settle(NOW + 10_000)
    assert (first.refunded_at, second.refunded_at) == (NOW + 1230, NOW + 1301)


def test_sales_are_refused_for_want_of_money_stock_or_room():
    """Each reason has its word, and nothing is charged."""
    assert refusal(sell, a_shop(deposit="0.10")) == "NO_BALANCE"
    assert refusal(sell, a_shop(stock_out=1)) == "NO_NUMBERS"
    full = a_shop(max_active=1)
    sell(full)
    assert refusal(sell, full) == "CHANNELS_LIMIT"
    assert full.spent == Decimal("0.20")


def test_a_raised_deposit_is_money_at_once():
    """Paying in is changing the knob."""
    shop = a_shop(deposit="0.10")
    shop.become(shop.behaviour.model_copy(update={"deposit": Decimal(5)}), NOW)
    sell(shop)
    assert shop.balance == Decimal("4.80")


def test_the_sandbox_charges_nothing():
    """A sandboxed number costs nothing, even with an empty account."""
    shop = a_shop(deposit=0)
    assert sell(shop, sandbox=True).price == 0
    assert shop.spent == 0


def test_an_extended_lease_lives_longer_for_its_price():
    """The old end no longer counts."""
    shop = a_shop(success=0)
    lease = sell(shop)
    shop.extend(lease, NOW + 2400, Decimal("0.30"))
    shop.settle(NOW + 1300)
    assert (lease.open, lease.price, shop.spent) == (True, Decimal("0.50"), Decimal("0.50"))
    shop.settle(NOW + 2400)
    assert lease.state is State.EXPIRED


def test_a_rent_that_ends_was_used():
    """A rent is paid for its time: its end refunds nothing."""
    shop = a_shop(success=0)
    rent = sell(shop, kind=Kind.RENT, lifetime=3600, price=Decimal(2))
    shop.settle(NOW + 3600)
    assert (rent.id, rent.state, rent.refund_due) == ("1049", State.FINISHED, None)


def test_an_ended_lease_can_be_forgotten():
    """SMSPVA knows an id no longer some minutes after its end."""
    shop = a_shop(success=0, forget_after=60)
    lease = sell(shop)
    assert shop.find(lease.kind, lease.id, NOW + 1259) is lease
    assert shop.find(lease.kind, lease.id, NOW + 1260) is None


def test_the_same_seed_does_the_same_and_another_seed_does_not():
    """Numbers, codes and fates repeat with the seed."""

    def rows(seed: str) -> list[dict]:
        shop = a_shop(seed=seed, success=0.5, code_delay={"median": 5, "p95": 60})
        for n in range(20):
            sell(shop, NOW + n)
        shop.settle(NOW + 5000)
        return [lease.as_json() for lease in shop.leases.values()]

    assert rows("7") == rows("7")
    assert rows("7") != rows("8")


def test_success_comes_in_its_share():
    """Of many numbers, the stated share gets a code; a service may have its own."""
    shop = a_shop(success=0.7, success_of={"tg/6": 0.4}, deposit=10**6)
    leases = [sell(shop) for _ in range(2000)]
    shop.settle(NOW + 1000)
    assert sum(bool(lease.code) for lease in leases) == pytest.approx(800, abs=70)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["buy", "buy", "cancel", "finish", "again", "look"]),
        st.integers(0, 30),  # which lease
        st.sampled_from([0.0, 0.5, 7.0, 60.0, 119.0, 400.0, 1200.0]),  # then so much later
    ),
    max_size=40,
)
FATES = st.fixed_dictionaries(
    {
        "success": st.sampled_from([0, 0.5, 1]),
        "code_delay": st.sampled_from([0, 10, 1200, 1300]),
        "refund_delay": st.sampled_from([0, 30, {"median": 60, "p95": 4000}]),
        "auto_refund": st.booleans(),
        "minimum_hold": st.sampled_from([0, 120]),
        "deposit": st.sampled_from(["1", "100"]),
        "price": st.sampled_from(["0.20", "0.333"]),
    }
)


def carry_out(shop: Shop, steps, between=lambda _begin, _end: ()) -> float:
    """Do the steps as a client would, and return the time at the end."""
    now, writes = NOW, {"cancel": shop.cancel, "again": shop.ask_again}
    for what, which, pause in steps:
        leases = list(shop.leases.values())
        try:
            if what == "buy":
                sell(shop, now)
            elif leases:
                lease = leases[which % len(leases)]
                shop.settle(now)
                if what == "finish":
                    shop.finish(lease, now, blank=False)
                elif what in writes:
                    writes[what](lease, now)
        except Refused:
            pass
        for at in between(now, now + pause):
            shop.settle(at)
        now += pause
    shop.settle(now)
    return now


@given(steps=STEPS, fates=FATES)
def test_the_books_balance_whatever_happens(steps, fates):
    """At any time the balance is the deposit less every price, plus every refund that has arrived, once each."""
    shop = a_shop(**fates)
    now = carry_out(shop, steps)
    leases = shop.leases.values()
    refunded = [lease for lease in leases if lease.refunded_at is not None]
    assert shop.spent == sum((lease.price for lease in leases), Decimal(0))
    assert shop.refunded == sum((lease.price for lease in refunded), Decimal(0))
    assert shop.balance == shop.behaviour.deposit - shop.spent + shop.refunded >= 0
    for lease in leases:
        given_back = lease.state is State.CANCELLED or (
            lease.state is State.EXPIRED and shop.behaviour.auto_refund
        )
        assert (lease.refund_due is not None) == given_back
        assert (lease.refunded_at is not None) == (given_back and lease.refund_due <= now)
        assert lease.open == (lease.ended_at is None) == ((lease.kind, lease.id) in shop.open)
        assert not (lease.codes and given_back)
        if lease.state is State.CANCELLED:
            assert lease.ended_at >= lease.bought_at + shop.behaviour.minimum_hold
        if lease.ended_at is not None:
            assert lease.ended_at <= lease.ends_at
            assert lease.code_at is None or lease.code_at <= lease.ended_at
        else:
            assert now < lease.ends_at


@given(steps=STEPS, fates=FATES)
def test_it_makes_no_difference_how_often_one_looks(steps, fates):
    """Events happen at their own times: settling at every turn leads to the same books as settling late."""

    def often(begin: float, end: float) -> list[float]:
        return [begin + (end - begin) * n / 7 for n in range(8)]

    lazy, eager = a_shop(**fates), a_shop(**fates)
    carry_out(lazy, steps)
    carry_out(eager, steps, often)
    assert [x.as_json() for x in lazy.leases.values()] == [x.as_json() for x in eager.leases.values()]
    assert (lazy.balance, lazy.owed) == (eager.balance, eager.owed)
