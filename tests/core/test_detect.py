"""Every trap has a scenario that shows it, and a near miss that does not."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest

from canary.core.detect import (
    BURST,
    BURST_WITHIN,
    MOST_SOURCES,
    REMEMBERED,
    REPEAT,
    SOURCES,
    SOURCES_WITHIN,
    Detector,
    Habits,
    stands,
)
from canary.core.hazards import MEANINGS, Hazard, HazardName, Sight
from canary.core.model import Arm, Failure, Lease, LeaseState, Outcome, Progress, Reply
from tests.factories import CLIENT_KEY, NOW, tcall, texchange, tlease, treply

N = HazardName
WAIT = treply(code="STATUS_WAIT_CODE", progress=Progress.WAITING)
CODE = treply(code="STATUS_OK", progress=Progress.CODE)
RETRY = treply(code="ACCESS_RETRY_GET", progress=Progress.RETRYING)
DONE = treply(code="ACCESS_ACTIVATION", progress=Progress.FINISHED)
CANCELLED = treply(code="ACCESS_CANCEL", progress=Progress.CANCELLED)
BOUGHT = treply(code="ACCESS_NUMBER")
EMPTY = treply(Outcome.PROVIDER, "EMPTY")
LIMITED = treply(Outcome.LIMIT, "RATE_LIMITED")
NO_ACTION = treply(Outcome.CALLER, "BAD_ACTION")
UNKNOWN = treply(Outcome.CALLER, "NO_ACTIVATION", unknown_lease=True)


class Scene:
    """A detector that is shown one call after the other."""

    def __init__(self) -> None:
        self.detector = Detector({Arm.OLD: Habits(3.0), Arm.NEW: Habits(3.0, frozenset({"getRentNumber"}))})
        self.hazards: list[Hazard] = []
        self.lease = tlease(id="7")

    def see(
        self,
        action: str,
        reply: Reply = BOUGHT,
        at: float = 0.0,
        *,
        client: str = "192.0.2.7",
        key: str = "k1",
        arm: Arm = Arm.OLD,
        leases: Sequence[Lease] = (),
        whole: bool = True,
        failure: Failure | None = None,
        latency: float = 0.2,
        **params: Any,
    ) -> None:
        exchange = texchange(
            tcall(action, **params),
            reply,
            at=NOW + at,
            client=client,
            arm=arm,
            failure=failure,
            latency=latency,
        )
        self.hazards += self.detector.see(Sight(exchange, leases, whole, key))

    def about(self, action: str, reply: Reply = WAIT, at: float = 0.0, **more: Any) -> None:
        """A call about the lease."""
        self.see(action, reply, at, **{"leases": [self.lease], "id": "7", **more})

    def buy(self, at: float = 0.0, reply: Reply = BOUGHT, **params: Any) -> None:
        self.see("getNumber", reply, at, **{"service": "tg", "country": "6", **params})

    def polls(self, *times: float, **more: Any) -> None:
        for at in times:
            self.about("getStatus", at=at, **more)

    def end(self, **changes: Any) -> None:
        """The lease's lifetime passes."""
        ended = {"state": LeaseState.ABANDONED, "ended_at": NOW + 1200, **changes}
        self.hazards += self.detector.ended(tlease(id="7", **ended))

    @property
    def names(self) -> list[str]:
        return [hazard.name for hazard in self.hazards]


def with_code(scene: Scene) -> None:
    scene.lease = tlease(id="7", code_at=NOW + 5)


# --- the scenarios: name, what shows it, what does not --------------------------------------------------------------


def mixed(scene: Scene) -> None:
    scene.buy(country="6")
    scene.buy(60, country="ID")


def one_style_each(scene: Scene) -> None:
    scene.buy(country="6")
    scene.buy(60, country="ID", client="192.0.2.8")
    scene.buy(90, country="ID", key="k2")
    scene.buy(120, country="any")
    scene.buy(150, country="187")


def finished_blind(scene: Scene) -> None:
    scene.about("setStatus", DONE, status="6")


def finished_with_code(scene: Scene) -> None:
    with_code(scene)
    scene.about("setStatus", DONE, status="6")


def finished_met_in_traffic(scene: Scene) -> None:
    scene.lease = tlease(id="7", purchase=None)
    scene.about("setStatus", DONE, status="6")


def asked_again_and_left(scene: Scene) -> None:
    with_code(scene)
    scene.about("setStatus", RETRY, 10, status="3")
    scene.end(code_at=NOW + 5, state=LeaseState.SUCCEEDED, seen_at=NOW + 10)


def asked_again_and_looked(scene: Scene) -> None:
    with_code(scene)
    scene.about("setStatus", RETRY, 10, status="3")
    scene.polls(20, 30)
    scene.end(code_at=NOW + 5, state=LeaseState.SUCCEEDED, seen_at=NOW + 30)


def finished_and_waiting(scene: Scene) -> None:
    with_code(scene)
    scene.about("setStatus", DONE, 10, status="6")
    scene.polls(20, 30, 40, 50)


def finished_and_looked_once(scene: Scene) -> None:
    with_code(scene)
    scene.about("setStatus", DONE, 10, status="6")
    scene.polls(20, 30)


def cancelled_late(scene: Scene) -> None:
    with_code(scene)
    scene.about("setStatus", treply(Outcome.STATE, "OTP_RECEIVED"), status="8")


def cancelled_in_time(scene: Scene) -> None:
    scene.about("setStatus", CANCELLED, status="8")
    scene.about("setStatus", treply(Outcome.STATE, "OTP_RECEIVED"), status="8")


def ran_out(scene: Scene) -> None:
    scene.end()


def ran_out_after_a_refused_cancel(scene: Scene) -> None:
    scene.end(claim="EARLY_CANCEL_DENIED")


def ran_out_with_a_code(scene: Scene) -> None:
    scene.end(code_at=NOW + 5, state=LeaseState.SUCCEEDED)


def closed_early_by_somebody(scene: Scene) -> None:
    scene.end(state=LeaseState.EXPIRED, ended_at=NOW + 600)


def bought_again(scene: Scene) -> None:
    scene.buy(reply=EMPTY)
    scene.buy(2)


def bought_again_after_a_timeout(scene: Scene) -> None:
    scene.buy(reply=treply(Outcome.PROVIDER, "TIMEOUT"), failure=Failure.TIMEOUT, latency=30.0)
    scene.buy(31)


def bought_elsewhere(scene: Scene) -> None:
    scene.buy(reply=EMPTY)
    scene.buy(2, service="wa")
    scene.buy(2, client="192.0.2.8")
    scene.buy(REPEAT + 5)


def bought_after_a_refusal(scene: Scene) -> None:
    scene.buy(reply=treply(Outcome.BUSINESS, "NO_NUMBERS"))
    scene.buy(1, reply=treply(Outcome.PROVIDER, "CONNECT"), failure=Failure.CONNECT)
    scene.buy(2)


def ordered_again(scene: Scene) -> None:
    scene.buy(reply=EMPTY, orderId="o-1")
    scene.buy(2, orderId="o-1")


def polled_fast(scene: Scene) -> None:
    scene.polls(0, 1, 2, 3, 4)


def polled_as_allowed(scene: Scene) -> None:
    scene.polls(0, 3, 5.9, 9, 12, 12.5, 15.5, 16, 19)


def refused_in_a_burst(scene: Scene) -> None:
    for n in range(BURST):
        scene.buy(n, reply=LIMITED)


def refused_now_and_then(scene: Scene) -> None:
    for n in range(4 * BURST):
        scene.buy(n * BURST_WITHIN / 2, reply=LIMITED)
    for n in range(BURST - 1):
        scene.buy(1000 + n, reply=LIMITED)
    scene.buy(1001, reply=LIMITED, key="k2")


def fleet(scene: Scene) -> None:
    for n in range(SOURCES):
        scene.buy(n, client=f"192.0.2.{n}")


def fleets_apart(scene: Scene) -> None:
    for n in range(2 * SOURCES):
        scene.buy(n, client=f"192.0.2.{n}", key=f"k{n % 3}")
    for n in range(2 * SOURCES):
        scene.buy(1000 + n * SOURCES_WITHIN / (SOURCES - 2), client=f"198.51.100.{n}", key="slow")
    for n in range(2 * SOURCES):
        scene.buy(9000 + n, client=f"203.0.113.{n}", key="")


def rented(scene: Scene) -> None:
    scene.see("getRentNumber", service="tg")


def denied_by_new(scene: Scene) -> None:
    scene.see("getOperators", NO_ACTION, arm=Arm.NEW)


def denied_otherwise(scene: Scene) -> None:
    scene.see("getOperators", NO_ACTION, arm=Arm.OLD)
    scene.see("getEverything", NO_ACTION, arm=Arm.NEW)
    scene.about("getStatus", WAIT, arm=Arm.NEW)
    scene.about("getStatus", NO_ACTION, 10, arm=Arm.NEW)  # VAK-SMS's word for a lease that it forgot


def lost_on_retry(scene: Scene) -> None:
    scene.buy(reply=treply(Outcome.PROVIDER, "ERROR_SQL"))
    scene.see("getNumber", treply(Outcome.CALLER, "BAD_SERVICE"), 1)


def another_call(scene: Scene) -> None:
    scene.buy()
    scene.see("getNumberV2", treply(Outcome.CALLER, "BAD_SERVICE"), 1)  # another action
    scene.see("getNumber", treply(Outcome.CALLER, "BAD_SERVICE"), 2, client="192.0.2.8")
    scene.see("getNumber", service="tg", at=3)  # a country may be left out
    scene.see("getNumber", service="wa", at=4)
    scene.see("getPrices", service="wa", at=5)
    scene.see("getPrices", at=6)
    scene.see("getNumber", at=4 + REPEAT + 1)


def astray(scene: Scene) -> None:
    scene.about("getStatus", UNKNOWN)


def forgotten(scene: Scene) -> None:
    scene.lease = tlease(id="7", state=LeaseState.REFUNDED, ended_at=NOW)
    scene.about("getStatus", UNKNOWN)
    scene.lease = tlease(id="7")
    scene.about("getStatus", UNKNOWN, 1300)
    scene.about("getStatusV2", UNKNOWN, 1400, id="7,999", whole=False)
    scene.see("getStatus", UNKNOWN, 1500, id="5")


def one_astray_of_two(scene: Scene) -> None:
    parts = {"7": WAIT, "8": UNKNOWN}
    both = [tlease(id="7"), tlease(id="8")]
    scene.see("getStatusV2", treply(code="JSON", parts=parts), id="7,8", leases=both)


SHOWN: list[tuple[HazardName, Callable[[Scene], None]]] = [
    (N.MIXED_COUNTRY_IDS, mixed),
    (N.FINISH_BEFORE_CODE, finished_blind),
    (N.RETRY_FINISH_SWAPPED, asked_again_and_left),
    (N.RETRY_FINISH_SWAPPED, finished_and_waiting),
    (N.CANCEL_AFTER_CODE, cancelled_late),
    (N.UNCLAIMED_REFUND, ran_out),
    (N.REPEATED_PURCHASE, bought_again),
    (N.REPEATED_PURCHASE, bought_again_after_a_timeout),
    (N.LIMIT_BURST, refused_in_a_burst),
    (N.MANY_SOURCES, fleet),
    (N.UNSUPPORTED_ACTION, rented),
    (N.UNSUPPORTED_ACTION, denied_by_new),
    (N.LOST_PARAMETERS, lost_on_retry),
    (N.MISROUTED, astray),
    (N.MISROUTED, one_astray_of_two),
]
NEAR_MISSES = [
    one_style_each,
    finished_with_code,
    finished_met_in_traffic,
    asked_again_and_looked,
    finished_and_looked_once,
    cancelled_in_time,
    ran_out_after_a_refused_cancel,
    ran_out_with_a_code,
    closed_early_by_somebody,
    bought_elsewhere,
    bought_after_a_refusal,
    ordered_again,
    polled_as_allowed,
    refused_now_and_then,
    fleets_apart,
    denied_otherwise,
    another_call,
    forgotten,
]


@pytest.mark.parametrize(("name", "play"), SHOWN, ids=lambda one: getattr(one, "__name__", str(one)))
def test_a_trap_is_seen(name: HazardName, play: Callable[[Scene], None]) -> None:
    """Once, by its own name and no other."""
    scene = Scene()
    play(scene)
    assert scene.names == [name]


@pytest.mark.parametrize("play", NEAR_MISSES, ids=lambda one: one.__name__)
def test_a_near_miss_is_none(play: Callable[[Scene], None]) -> None:
    """What looks like a trap and is right raises nothing."""
    scene = Scene()
    play(scene)
    assert scene.names == []


def test_polls_are_counted_from_the_third_early_one_on() -> None:
    """Two early looks happen to everyone; who goes on polls too fast."""
    scene = Scene()
    polled_fast(scene)
    assert scene.names == [N.POLLING_TOO_FAST] * 2
    assert "1.0 s after the last, 3 s allowed" in scene.hazards[0].example


def test_every_trap_has_a_scenario_and_a_meaning() -> None:
    """None goes untested, none unexplained."""
    assert {name for name, _ in SHOWN} | {N.POLLING_TOO_FAST} == set(HazardName)
    assert set(MEANINGS) == set(HazardName)


# --- what a hazard holds --------------------------------------------------------------------------------------------


def test_a_hazard_says_who_when_and_what() -> None:
    """The client's address, its key's fingerprint, the time and the call with its answer."""
    scene = Scene()
    finished_blind(scene)
    [hazard] = scene.hazards
    assert (hazard.client, hazard.key, hazard.at) == ("192.0.2.7", "k1", NOW)
    assert hazard.example == "setStatus id=7 status=6 -> ACCESS_ACTIVATION"


def test_an_unclaimed_refund_says_how_much_money_it_holds_up() -> None:
    """The lease's price, and whose lease it was."""
    scene = Scene()
    ran_out(scene)
    [hazard] = scene.hazards
    assert hazard.amount == Decimal("12.50")
    assert hazard.example == "activation 7 for tg: ran out without a cancel"


def test_an_example_holds_no_secret() -> None:
    """Neither the key nor what a client puts into a parameter of its own is shown, nor an odd value of a known one."""
    scene = Scene()
    scene.buy(country="6", token=CLIENT_KEY, phoneException="79584123456")
    scene.buy(9, country="ID", service=f"{CLIENT_KEY}?{'x' * 40}", token=CLIENT_KEY)
    [hazard] = scene.hazards
    assert hazard.example == "getNumber service=... country=ID -> ACCESS_NUMBER (ids before, names now)"


# --- what another process knows better --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("play", "known", "still"),
    [
        (finished_blind, {}, True),
        (finished_blind, {"code_at": NOW - 5}, False),  # another process had seen the code
        (finished_blind, {"code_at": NOW + 60}, True),
        (ran_out, {"state": LeaseState.ABANDONED, "ended_at": NOW + 1200}, True),
        (ran_out, {"state": LeaseState.REFUNDED, "claimed_at": NOW + 300, "ended_at": NOW + 300}, False),
        (ran_out, {"state": LeaseState.SUCCEEDED, "code_at": NOW + 9, "ended_at": NOW + 1200}, False),
        (asked_again_and_left, {"seen_at": NOW + 10}, True),
        (asked_again_and_left, {"seen_at": NOW + 40}, False),  # polled through another process
    ],
)
def test_what_another_process_saw_can_clear_a_client(
    play: Callable[[Scene], None], known: dict[str, Any], still: bool
) -> None:
    """A hazard about a lease stands or falls with everything that is known of the lease."""
    scene = Scene()
    play(scene)
    [hazard] = scene.hazards
    assert stands(hazard, tlease(id="7", **known)) is still


# --- memory -----------------------------------------------------------------------------------------------------------


def test_memory_is_bounded() -> None:
    """However many clients, keys, leases and addresses come by."""
    scene = Scene()
    for n in range(REMEMBERED + 50):
        lease = tlease(id=str(n))
        scene.see("getStatus", WAIT, n, leases=[lease], id=str(n), client=f"c{n}", key=f"k{n}")
        scene.see("setStatus", DONE, n, leases=[lease], id=str(n), status="6", client=f"c{n}", key="one")
        scene.buy(n, reply=EMPTY, client=f"c{n}", key=f"k{n}")
    for n in range(2 * MOST_SOURCES):
        scene.buy(REMEMBERED + n / 1000, client=f"s{n}", key="one")
    assert _largest(scene.detector) <= REMEMBERED


def _largest(thing: object, seen: set[int] | None = None) -> int:
    """The size of the largest collection below an object."""
    seen = set() if seen is None else seen
    if id(thing) in seen or isinstance(thing, str | int | float | type):
        return 0
    seen.add(id(thing))
    inner: list[object] = list(vars(thing).values()) if hasattr(thing, "__dict__") else []
    inner += [thing.__self__] if hasattr(thing, "__self__") else []
    if isinstance(thing, dict):
        inner += thing.values()
    elif isinstance(thing, list | tuple | set):
        inner += thing
    size = len(thing) if isinstance(thing, dict | list | set) else 0
    return max([size, *(_largest(one, seen) for one in inner)])
