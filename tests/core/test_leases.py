"""The life of a lease: a complete table, nothing forgotten, and replicas that agree whatever each of them saw."""

from dataclasses import replace
from decimal import Decimal
from itertools import permutations, product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from canary.core.leases import (
    FAULTS,
    MAX_CALLS,
    TRANSITIONS,
    LeaseEvent,
    append_call,
    apply,
    event_of,
    is_cancel,
    is_fault,
    merge,
    merge_calls,
    observe,
    unpack_calls,
)
from canary.core.model import Arm, Failure, Lease, LeaseState, Outcome, Progress
from canary.core.stats.bins import COUNT
from tests.factories import NOW, tcall, texchange, tlease, treply

S = LeaseState
E = LeaseEvent
ORDER = (S.OPEN, S.ABANDONED, S.EXPIRED, S.REFUNDED, S.SUCCEEDED)

# state -> event -> next state of a lease that had no code yet
LIFE = {
    S.OPEN: {E.FINISHED: S.SUCCEEDED, E.CLAIMED: S.REFUNDED, E.CLOSED: S.EXPIRED, E.LIFETIME: S.ABANDONED},
    S.ABANDONED: {E.CODE: S.SUCCEEDED, E.FINISHED: S.SUCCEEDED, E.CLAIMED: S.REFUNDED, E.CLOSED: S.EXPIRED},
    S.EXPIRED: {E.CODE: S.SUCCEEDED, E.FINISHED: S.SUCCEEDED, E.CLAIMED: S.REFUNDED},
    S.REFUNDED: {E.CODE: S.SUCCEEDED},
    S.SUCCEEDED: {},
}

GET = tcall("getStatus", id=7)
CANCEL = tcall("setStatus", id=7, status=8)
FINISH = tcall("setStatus", id=7, status=6)
RETRY = tcall("setStatus", id=7, status=3)


def in_state(state: LeaseState, **changes: object) -> Lease:
    ended = None if state is S.OPEN else NOW + 1
    code = NOW + 0.5 if state is S.SUCCEEDED else None
    return tlease(id="7", state=state, ended_at=ended, **{"code_at": code, **changes})


@pytest.mark.parametrize(("state", "event"), list(product(S, E)), ids=str)
def test_every_event_in_every_state(state: LeaseState, event: LeaseEvent) -> None:
    """Each pair is in the table or changes no state; a step is dated and never leads back."""
    lease = in_state(state)
    after = apply(lease, event, NOW + 9)
    expected = LIFE[state].get(event)
    if expected is None:
        assert after == (
            replace(lease, code_at=NOW + 9) if event is E.CODE and lease.code_at is None else lease
        )
    else:
        assert (after.state, after.ended_at) == (expected, NOW + 9)
        assert ORDER.index(after.state) > ORDER.index(state)


def test_the_table_is_complete() -> None:
    """Every state has its row."""
    assert set(TRANSITIONS) == set(S)
    assert TRANSITIONS == LIFE


@pytest.mark.parametrize("event", [E.FINISHED, E.CLAIMED, E.CLOSED, E.LIFETIME])
def test_a_lease_that_ends_after_a_code_succeeded(event: LeaseEvent) -> None:
    """With a code seen, every end is a success: the money is spent."""
    lease = apply(tlease(), E.CODE, NOW + 5)
    assert (lease.state, lease.code_at) == (S.OPEN, NOW + 5)
    assert apply(lease, event, NOW + 9).state is S.SUCCEEDED


def test_the_first_code_is_the_one_that_counts() -> None:
    """Another code, asked for with setStatus 3, does not move the time of the first."""
    lease = apply(apply(tlease(), E.CODE, NOW + 5), E.CODE, NOW + 50)
    assert lease.code_at == NOW + 5


@pytest.mark.parametrize(
    ("call", "reply", "expected"),
    [
        (GET, {"progress": Progress.WAITING}, None),
        (GET, {"progress": Progress.RETRYING}, None),
        (GET, {"progress": Progress.CODE}, E.CODE),
        (GET, {"progress": Progress.CANCELLED}, E.CLOSED),
        (GET, {"progress": Progress.REVOKED}, E.CLOSED),
        (GET, {"progress": None}, None),
        (RETRY, {"progress": Progress.RETRYING}, None),
        (FINISH, {"progress": Progress.FINISHED}, E.FINISHED),
        (FINISH, {"progress": Progress.CANCELLED, "outcome": Outcome.STATE}, E.CLOSED),
        (CANCEL, {"progress": Progress.CANCELLED}, E.CLAIMED),
        (CANCEL, {"progress": Progress.CANCELLED, "outcome": Outcome.STATE}, E.CLAIMED),
        (CANCEL, {"outcome": Outcome.STATE}, None),
        (tcall("cancelActivation", id=7), {"progress": Progress.CANCELLED}, E.CLAIMED),
        (tcall("setRentStatus", id=7, status=2), {"progress": Progress.CANCELLED}, E.CLAIMED),
        (tcall("setRentStatus", id=7, status=1), {"progress": Progress.FINISHED}, E.FINISHED),
    ],
)
def test_what_a_reply_means_for_its_lease(call, reply, expected) -> None:
    """A reply's progress becomes an event; only a client's own cancel is a claim."""
    assert event_of(texchange(call, treply(**reply))) is expected


@pytest.mark.parametrize(
    ("call", "cancel"),
    [
        (CANCEL, True),
        (tcall("setStatus", id=7, status=-1), True),
        (tcall("cancelActivation", id=7), True),
        (tcall("setRentStatus", id=7, status=2), True),
        (FINISH, False),
        (RETRY, False),
        (tcall("setRentStatus", id=7, status=1), False),
        (tcall("finishActivation", id=7), False),
        (GET, False),
    ],
)
def test_what_asks_for_a_refund(call, cancel: bool) -> None:
    """Status 8 and the older -1, and the cancels of rents and of HeroSMS."""
    assert is_cancel(call) is cancel


@pytest.mark.parametrize(
    ("reply", "claimed"),
    [
        ({"progress": Progress.CANCELLED}, True),
        ({"outcome": Outcome.STATE, "code": "ACCESS_CANCEL_ALREADY", "progress": Progress.CANCELLED}, True),
        ({"outcome": Outcome.PROVIDER, "code": "TIMEOUT"}, True),
        ({"outcome": Outcome.UNKNOWN, "code": "UNKNOWN"}, True),
        ({"outcome": Outcome.STATE, "code": "EARLY_CANCEL_DENIED"}, False),
        ({"outcome": Outcome.STATE, "code": "ACCESS_READY"}, False),
        ({"outcome": Outcome.CALLER, "code": "BAD_STATUS"}, False),
        ({"outcome": Outcome.LIMIT, "code": "RATE_LIMITED"}, False),
    ],
)
def test_a_refused_cancel_claims_nothing(reply, claimed: bool) -> None:
    """The refund is claimed by a cancel that was carried out or may have been, not by one that was refused."""
    lease = observe(tlease(id="7"), texchange(CANCEL, treply(**reply), at=NOW + 60), 0)
    assert lease.claimed_at == (NOW + 60 if claimed else None)


def test_a_cancel_whose_answer_was_lost_was_a_refund() -> None:
    """When the provider later reports the lease as cancelled, the client's unanswered cancel was carried out."""
    lost = texchange(CANCEL, treply(Outcome.PROVIDER, "TIMEOUT"), at=NOW + 60, failure=Failure.TIMEOUT)
    closed = texchange(GET, treply(code="STATUS_CANCEL", progress=Progress.CANCELLED), at=NOW + 90)
    assert observe(observe(tlease(id="7"), lost, 0), closed, 0).state is S.REFUNDED
    assert observe(observe(tlease(id="7"), closed, 0), lost, 0).state is S.REFUNDED
    assert observe(tlease(id="7"), closed, 0).state is S.EXPIRED


def test_asking_for_another_code_keeps_the_lease_open() -> None:
    """After setStatus 3 the lease lives on; the old code in the reply is no new one."""
    lease = observe(tlease(id="7"), texchange(GET, treply(progress=Progress.CODE), at=NOW + 5), 0)
    lease = observe(lease, texchange(RETRY, treply(progress=Progress.RETRYING), at=NOW + 9), 0)
    lease = observe(lease, texchange(GET, treply(progress=Progress.RETRYING), at=NOW + 12), 0)
    assert (lease.state, lease.code_at, lease.seen_at) == (S.OPEN, NOW + 5, NOW + 12)


@pytest.mark.parametrize("outcome", Outcome)
def test_what_counts_against_an_arm(outcome: Outcome) -> None:
    """Want of stock and legal refusals are no faults; a failure without a reply always is."""
    exchange = texchange(GET, treply(outcome, "X"))
    assert is_fault(exchange) == (outcome in FAULTS)
    assert frozenset(Outcome) - {Outcome.OK, Outcome.BUSINESS, Outcome.STATE} == FAULTS
    assert is_fault(replace(exchange, failure=Failure.TIMEOUT))


# --- packed calls -------------------------------------------------------------------------------------------------

one_call = st.tuples(st.floats(-5, 10_000), st.integers(0, COUNT - 1), st.booleans())
some_calls = st.lists(one_call, max_size=MAX_CALLS + 4)


def packed(several: list[tuple[float, int, bool]]) -> bytes:
    calls = b""
    for age, index, fault in several:
        calls = append_call(calls, age, index, fault)
    return calls


@given(some_calls)
def test_packed_calls_are_read_back(several) -> None:
    """The first sixteen calls come back in the order of their ages: to a tenth of a second, with bin and fault."""
    kept = [
        (min(max(int(age * 10), 0), 0xFFFF) / 10, index, fault) for age, index, fault in several[:MAX_CALLS]
    ]
    assert sorted(unpack_calls(packed(several))) == sorted(kept)
    ages = [age for age, _, _ in unpack_calls(packed(several))]
    assert ages == sorted(ages)
    assert len(packed(several)) <= 4 * MAX_CALLS


@given(some_calls, some_calls, some_calls)
def test_calls_of_replicas_are_joined_in_any_order(a, b, c) -> None:
    """Joining is commutative, associative and idempotent, and loses no call that fits."""
    x, y, z = packed(a), packed(b), packed(c)
    assert merge_calls(x, y) == merge_calls(y, x)
    assert merge_calls(merge_calls(x, y), z) == merge_calls(x, merge_calls(y, z))
    assert merge_calls(x, x) == merge_calls(x, b"") == x


def test_like_calls_of_one_replica_stay_apart() -> None:
    """Two polls within a tenth of a second are two calls, before and after joining."""
    twice = packed([(1.0, 5, False), (1.0, 5, False)])
    assert len(unpack_calls(merge_calls(twice, packed([(0.5, 5, False)])))) == 3


# --- two views of one lease -------------------------------------------------------------------------------------------

times = st.none() | st.integers(0, 50).map(lambda t: NOW + t)


@st.composite
def views(draw) -> Lease:
    """A replica's view of one lease as it can come about: by events in some order."""
    lease = tlease(
        id="7",
        price=draw(st.none() | st.sampled_from([Decimal("0.1"), Decimal("0.10"), Decimal(2)])),
        price_source=draw(st.sampled_from(["", "header", "reply"])),
        expires_at=draw(times),
        seen_at=NOW,
        calls=packed(draw(st.lists(one_call, max_size=3))),
    )
    for event, at in draw(
        st.lists(st.tuples(st.sampled_from([*E, "claim"]), st.integers(0, 50)), max_size=4)
    ):
        if event == "claim":
            lost = texchange(CANCEL, treply(Outcome.PROVIDER, "TIMEOUT"), at=NOW + at)
            lease = observe(lease, lost, 0)
        else:
            lease = apply(lease, event, NOW + at)
    return lease


@given(views(), views(), views())
def test_views_are_joined_in_any_order(a: Lease, b: Lease, c: Lease) -> None:
    """Replicas reach the same lease in whatever order their views meet, and meeting again changes nothing."""
    assert merge(a, b) == merge(b, a)
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
    assert merge(a, a) == a
    assert merge(merge(a, b), b) == merge(a, b)


@given(views(), views())
def test_nothing_that_either_knew_is_lost(a: Lease, b: Lease) -> None:
    """The joined view is at least as far on as each, with the earliest code and claim, and some price if any."""
    both = merge(a, b)
    for one in (a, b):
        assert ORDER.index(both.state) >= ORDER.index(one.state)
        assert one.code_at is None or both.code_at <= one.code_at
        assert one.claimed_at is None or both.claimed_at <= one.claimed_at
        assert both.seen_at >= one.seen_at
    assert (both.price is None) == (a.price is None and b.price is None)
    assert (both.ended_at is None) == (both.state is S.OPEN)


@given(views(), views(), st.integers(1, 9))
def test_a_later_opening_is_another_life(a: Lease, b: Lease, later: int) -> None:
    """An id that a provider gave out anew starts afresh."""
    again = replace(b, opened_at=a.opened_at + later)
    assert merge(a, again) == merge(again, a) == again


def test_a_price_from_a_header_is_believed_before_one_from_a_body() -> None:
    """The cost header says what was charged."""
    a = tlease(price=Decimal(5), price_source="reply")
    b = tlease(price=Decimal(1), price_source="header")
    assert merge(a, b).price == merge(b, a).price == Decimal(1)


class Replicas(RuleBasedStateMachine):
    """Three replicas serve one lease: each sees some of its calls, and they meet now and then."""

    @initialize()
    def start(self) -> None:
        self.views = [tlease(id="7", arm=Arm.NEW)] * 3
        self.now = NOW
        self.code_seen = False

    @rule(i=st.integers(0, 2), event=st.sampled_from(E), wait=st.integers(0, 30))
    def happens(self, i: int, event: LeaseEvent, wait: int) -> None:
        self.now += wait
        before = self.views[i]
        self.views[i] = apply(before, event, self.now)
        self.code_seen |= event is E.CODE
        assert before.code_at in {None, self.views[i].code_at}
        assert ORDER.index(self.views[i].state) >= ORDER.index(before.state)

    @rule(
        i=st.integers(0, 2),
        call=st.sampled_from([GET, CANCEL, FINISH, RETRY]),
        outcome=st.sampled_from(Outcome),
        progress=st.none() | st.sampled_from(Progress),
        wait=st.integers(0, 30),
    )
    def is_called(self, i, call, outcome, progress, wait) -> None:
        self.now += wait
        before = self.views[i]
        exchange = texchange(call, treply(outcome, "X", progress=progress), arm=Arm.NEW, at=self.now)
        self.views[i] = observe(before, exchange, 3)
        self.code_seen |= progress is Progress.CODE
        assert before.code_at in {None, self.views[i].code_at}
        assert before.claimed_at in {None, self.views[i].claimed_at}
        assert ORDER.index(self.views[i].state) >= ORDER.index(before.state)

    @rule(i=st.integers(0, 2), j=st.integers(0, 2))
    def meet(self, i: int, j: int) -> None:
        before = self.views[i]
        self.views[i] = merge(before, self.views[j])
        assert ORDER.index(self.views[i].state) >= ORDER.index(before.state)

    @invariant()
    def agree_in_the_end(self) -> None:
        ends = {merge(merge(a, b), c) for a, b, c in permutations(self.views)}
        assert len(ends) == 1
        (end,) = ends
        assert (end.code_at is not None) == self.code_seen
        assert (end.ended_at is None) == (end.state is S.OPEN)
        assert end.code_at is None or end.state in {S.OPEN, S.SUCCEEDED}

    @invariant()
    def identity_stays(self) -> None:
        for view in self.views:
            assert view.lease_key == (Arm.NEW, view.kind, "7")
            assert len(view.calls) <= 4 * MAX_CALLS


TestReplicas = Replicas.TestCase


@given(st.integers(0, 100))
def test_the_packed_ages_count_from_the_opening(age: int) -> None:
    """A call's age is that of its lease; a clock that went back gives age zero."""
    lease = observe(tlease(id="7"), texchange(GET, at=NOW + age), 5)
    assert unpack_calls(lease.calls) == [(float(age), 5, False)]
    assume(age > 0)
    assert unpack_calls(observe(tlease(id="7"), texchange(GET, at=NOW - age), 5).calls)[0][0] == 0
