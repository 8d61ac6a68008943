"""Giving shadow leases back: when, how often, by whom, and what of those whose answer was lost."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from canary.core.budget import DAY
from canary.gateway.shadow_calls import MARGIN
from canary.gateway.shadow_keeper import ABSENT, AGAIN, AMBIGUOUS, OVER, UNTOLD
from canary.sim.incoming import received
from canary.sim.lease import State as Sold
from canary.store.errors import StoreUnavailable
from canary.store.schema import shadow_leases
from canary.store.shadow_leases import ShadowLease, State, Switch
from tests.gateway.shadowed import HOLD, LIFETIME, LIVE, SANDBOX, Shadowed, shadowed
from tests.rig import rig
from tests.waiting import until

DUE = HOLD + 6
"""Seconds after which a live lease is given back."""


def only(world: Shadowed) -> ShadowLease:
    """The only row, whatever its state."""
    [row] = world.book._select(shadow_leases.c.id != "")
    return row


async def live(world: Shadowed) -> None:
    """One live shadow lease."""
    await world.buy()
    await world.settled()


# --- in time ----------------------------------------------------------------------------------------------------------


async def test_a_live_lease_is_given_back_as_soon_as_new_takes_it(tmp_path: Path) -> None:
    """Not before the minimum hold, and then once; its price is new's to refund."""
    async with shadowed(tmp_path, LIVE) as world:
        await live(world)
        world.clock.advance(HOLD)
        await world.keep()
        assert "setStatus" not in world.new.books.by_action
        world.clock.advance(6)
        await world.keep()
        await world.keep()
        assert [one.state for one in world.new.books.leases] == [Sold.CANCELLED]
        assert world.new.books.by_action["setStatus"] == 1
        assert (only(world).state, only(world).claim) == (State.ENDED, "ACCESS_CANCEL")
        assert world.book.spent(world.clock()).outstanding == 0


async def test_too_early_is_tried_again(tmp_path: Path) -> None:
    """The profile's minimum hold is a guess for many a provider: refused by the clock, it is tried until it works."""
    async with shadowed(tmp_path, LIVE, new={"minimum_hold": "200s"}) as world:
        await live(world)
        for _ in range(10):
            world.clock.advance(AGAIN)
            await world.keep()
        assert world.new.books.by_word["EARLY_CANCEL_DENIED"] >= 1
        assert [one.state for one in world.new.books.leases] == [Sold.CANCELLED]
        assert only(world).state is State.ENDED


@pytest.mark.parametrize("trouble", [{"call_error": 1}, {"reset": 1}, {"html_error": 1}, {"refuse": True}])
async def test_a_new_in_trouble_is_asked_again(tmp_path: Path, trouble: dict[str, object]) -> None:
    """Faults, resets and refused connections: the cancel is repeated until new answers it."""
    async with shadowed(tmp_path, LIVE) as world:
        await live(world)
        await world.new.change(carried_out=0, **trouble)
        world.clock.advance(DUE)
        await world.keep()
        assert only(world).state is State.OPEN
        await world.new.change({**dict.fromkeys(trouble, 0), "refuse": False})
        world.clock.advance(AGAIN)
        await world.keep()
        assert [one.state for one in world.new.books.leases] == [Sold.CANCELLED]


async def test_a_code_ends_it(tmp_path: Path) -> None:
    """Somebody wrote to the number: new keeps the money, and nobody asks for it for ever."""
    async with shadowed(tmp_path, LIVE, new={"success": 1, "code_delay": "10s"}) as world:
        await live(world)
        world.clock.advance(DUE)
        await world.keep()
        world.clock.advance(AGAIN)
        await world.keep()
        assert world.new.books.by_action["setStatus"] == 1
        assert (only(world).state, only(world).claim) == (State.ENDED, "BAD_STATUS")
        assert world.count("shadow_leases_kept") == 1


async def test_what_cannot_be_cancelled_ends_with_its_lifetime(tmp_path: Path) -> None:
    """A new that never takes one back is not asked beyond that."""
    async with shadowed(tmp_path, LIVE, new={"drifts": "early_cancel"}) as world:
        await live(world)
        world.clock.advance(LIFETIME + 1)
        for _ in range(10):
            await world.keep()
            world.clock.advance(AGAIN)
        assert (only(world).state, only(world).claim) == (State.ENDED, OVER)
        assert world.new.books.by_action["setStatus"] == HOLD / AGAIN + 2


async def test_what_is_over_is_no_trouble(tmp_path: Path) -> None:
    """Nobody was there to give it back in time: new ended it by itself, and kept nothing."""
    async with shadowed(tmp_path, LIVE) as world:
        await live(world)
        world.clock.advance(LIFETIME + 1)
        await world.keep()
        assert only(world).state is State.ENDED
        assert world.count("shadow_leases_kept") == 0


async def test_a_cancel_whose_answer_nobody_read_is_asked_for_again(tmp_path: Path) -> None:
    """The process died between new's answer and its row: the next one finds it cancelled."""
    async with shadowed(tmp_path, LIVE) as world:
        await live(world)
        world.clock.advance(DUE)
        query = f"/stubs/handler_api.php?api_key=x&action=setStatus&status=8&id={only(world).own_id}"
        world.new._desk.serve(received("GET", query, {}, b"", "192.0.2.9"))
        await world.keep()
        assert only(world).state is State.ENDED


# --- clocks that are wrong ------------------------------------------------------------------------------------------


async def test_a_clock_that_jumps_ahead_leaves_none_open(tmp_path: Path) -> None:
    """By that clock the number is over, but new says that it is young: it is believed."""
    async with shadowed(tmp_path, LIVE) as world:
        await live(world)
        world.wrong.ahead = DAY
        for _ in range(6):
            await world.keep()
            world.clock.advance(AGAIN)
        assert [one.state for one in world.new.books.leases] == [Sold.CANCELLED]
        assert only(world).claim == "ACCESS_CANCEL"


@pytest.mark.parametrize("when", ["bought", "tried"])
async def test_a_clock_that_is_set_back_leaves_none_open(tmp_path: Path, when: str) -> None:
    """What is to be done tomorrow, by a clock that was ahead, is done when new takes it."""
    async with shadowed(tmp_path, LIVE) as world:
        world.wrong.ahead = DAY * (when == "bought")
        await live(world)
        world.wrong.ahead = DAY
        await world.keep()
        world.wrong.ahead = 0
        for _ in range(6):
            world.clock.advance(AGAIN)
            await world.keep()
        assert [one.state for one in world.new.books.leases] == [Sold.CANCELLED]


# --- by whom, and until when ----------------------------------------------------------------------------------------


async def test_of_several_processes_one_gives_it_back(tmp_path: Path) -> None:
    """Whoever looks first; one cancel is sent, not three."""
    async with shadowed(tmp_path, LIVE, gateways=3) as world:
        await live(world)
        world.clock.advance(DUE)
        for via in (2, 0, 1):
            await world.keep(via)
        assert world.new.books.by_action["setStatus"] == 1


async def test_a_sandbox_lease_is_followed_to_its_end(tmp_path: Path) -> None:
    """It costs nothing: its client's last poll is followed, and then it is given back as well."""
    async with shadowed(tmp_path, SANDBOX) as world:
        lease = await world.buy()
        await world.settled()
        world.clock.advance(LIFETIME - HOLD - 60)
        await world.keep()
        await world.ask("getStatus", id=lease)
        await until(lambda: world.count("shadow_lease_calls_sent") == 1)
        world.clock.advance(90)
        await world.keep()
        assert [one.state for one in world.new.books.leases] == [Sold.CANCELLED]


async def test_a_stop_keeps_nothing_open(tmp_path: Path) -> None:
    """No further one is bought, and those that are open are given back as ever."""
    async with shadowed(tmp_path, LIVE) as world:
        await live(world)
        world.book.turn(Switch(True, "enough", "me", world.clock()))
        await world.buy()
        await world.settled()
        world.clock.advance(DUE)
        await world.keep()
        assert [one.state for one in world.new.books.leases] == [Sold.CANCELLED]
        assert world.count("shadow_leases_refused") == 1


async def test_a_policy_that_turned_them_off_gives_back_what_is_open(tmp_path: Path) -> None:
    """The next process knows nothing of it but the row."""
    async with shadowed(tmp_path, LIVE) as world:
        await live(world)
        sold = [one.id for one in world.new.books.leases]
        state = world.first.state
        urls = (world.old.url, world.new.url)
        async with rig(tmp_path, urls=urls, state=state, clock=world.clock) as another:
            world.clock.advance(DUE)
            await another.service.shadow_leases.keeper.work()
            assert [(one.id, one.state) for one in world.new.books.leases] == [(sold[0], Sold.CANCELLED)]


# --- lost answers -----------------------------------------------------------------------------------------------------


async def lost(world: Shadowed, *, carried_out: int = 1) -> None:
    """A live purchase whose answer never came."""
    await world.new.change(reset=1, carried_out=carried_out, faults_on="getNumber")
    await live(world)
    assert world.count("shadow_leases_lost") == 1
    await world.new.change(reset=0)


LATE = 10 + HOLD + 6
"""Seconds after which a lost answer is looked for."""


async def test_a_lost_purchase_is_found_and_given_back(tmp_path: Path) -> None:
    """It stands in new's list of open numbers, and is nobody's."""
    async with shadowed(tmp_path, LIVE) as world:
        await lost(world)
        world.clock.advance(LATE)
        await world.keep()
        assert only(world).own_id == world.new.books.leases[0].id
        await world.keep()
        assert [one.state for one in world.new.books.leases] == [Sold.CANCELLED]
        assert world.book.spent(world.clock()).run == Decimal("0.20")


async def test_a_purchase_that_was_not_made_still_counts(tmp_path: Path) -> None:
    """No list shows it. Its money stays counted: that it was not charged is not known for certain."""
    async with shadowed(tmp_path, LIVE) as world:
        await lost(world, carried_out=0)
        world.clock.advance(LATE)
        await world.keep()
        assert (only(world).state, only(world).claim) == (State.ENDED, ABSENT)
        assert world.book.spent(world.clock()).run == Decimal("0.20")
        assert world.new.books.spent == 0


async def test_an_answer_that_comes_too_late_is_made_up_for(tmp_path: Path) -> None:
    """New sells the number and says so when nobody listens any more."""
    async with shadowed(tmp_path, {**LIVE, "timeout": "100ms"}) as world:
        await world.new.change(latencies={"getNumber": "300ms"})
        await live(world)
        assert world.count("shadow_leases_lost") == 1
        await until(lambda: len(world.new.books.leases) == 1)
        world.clock.advance(LATE)
        for _ in range(2):
            await world.keep()
        assert [one.state for one in world.new.books.leases] == [Sold.CANCELLED]
        assert world.book.spent(world.clock()).run == world.new.books.spent == Decimal("0.20")


@pytest.mark.parametrize("fault", ["call_error", "empty", "html_error"])
async def test_a_fault_may_have_been_charged(tmp_path: Path, fault: str) -> None:
    """New says that it is in trouble and has sold the number all the same: it counts, and is given back."""
    async with shadowed(tmp_path, LIVE) as world:
        await world.new.change(**{fault: 1}, carried_out=1, faults_on="getNumber")
        await live(world)
        world.clock.advance(LATE)
        for _ in range(2):
            await world.keep()
        assert [one.state for one in world.new.books.leases] == [Sold.CANCELLED]
        assert world.book.spent(world.clock()).run == world.new.books.spent == Decimal("0.20")


async def test_a_lost_purchase_that_cost_too_much_stops_all(tmp_path: Path) -> None:
    """Its price is known when it is found, and counts in full."""
    async with shadowed(tmp_path, LIVE) as world:
        await lost(world)
        [sold] = world.new.books.leases
        sold.price = Decimal("0.90")
        world.clock.advance(LATE)
        await world.keep()
        assert world.book.spent(world.clock()).run == Decimal("0.90")
        assert world.book.switch().reason == "a number cost 0.9, more than the 0.2 of budget.price"


async def test_it_waits_for_one_that_is_just_being_bought(tmp_path: Path) -> None:
    """One could be taken for the other: it is looked for when that one must have its answer, and no later."""
    async with shadowed(tmp_path, LIVE) as world:
        await lost(world)
        row = only(world)
        world.clock.advance(LATE)
        now = world.clock()
        assert world.book.reserve(replace(row, id="another", at=now - 2, next_at=now + 500), None) is None
        await world.keep()
        [waits, _] = world.book.reserved()
        assert (waits.id, waits.next_at) == (row.id, now - 2 + 10 + MARGIN)


async def test_no_clients_number_is_taken_for_it(tmp_path: Path) -> None:
    """A number that a client bought on new in the same second stays the client's."""
    async with shadowed(tmp_path, LIVE) as world:
        await lost(world)
        await world.first.split(weight=1.0, shadow=0.0)
        mine = await world.buy()
        world.clock.advance(LATE)
        for _ in range(3):
            await world.keep()
        states = {one.id: one.state for one in world.new.books.leases}
        assert sorted(states.values()) == [Sold.CANCELLED, Sold.WAITING]
        lease = world.first.lease(mine)
        assert lease is not None
        assert states[lease.id] is Sold.WAITING


async def test_with_more_strangers_than_lost_ones_none_is_touched(tmp_path: Path) -> None:
    """Somebody else uses the account too, and bought the same at the same time."""
    async with shadowed(tmp_path, LIVE) as world:
        await lost(world)
        stranger = world.new._desk
        query = "/stubs/handler_api.php?api_key=x&action=getNumber&service=tg&country=6"
        stranger.serve(received("GET", query, {}, b"", "192.0.2.9"))
        world.clock.advance(LATE)
        await world.keep()
        await world.keep()
        assert [one.state for one in world.new.books.leases] == [Sold.WAITING, Sold.WAITING]
        assert only(world).claim == AMBIGUOUS
        assert world.count("shadow_leases_kept") == 1


async def test_a_list_that_cannot_be_had_is_asked_for_until_it_is_too_late(tmp_path: Path) -> None:
    """As long as the number may live."""
    async with shadowed(tmp_path, LIVE) as world:
        await lost(world)
        await world.new.change(call_error=1, faults_on="getActiveActivations")
        world.clock.advance(LATE)
        await world.keep()
        assert only(world).state is State.RESERVED
        world.clock.advance(LIFETIME)
        await world.keep()
        assert (only(world).state, only(world).claim) == (State.ENDED, UNTOLD)


async def test_a_lost_sandbox_purchase_is_let_go(tmp_path: Path) -> None:
    """Nothing was charged, and it expires by itself."""
    async with shadowed(tmp_path, SANDBOX) as world:
        await world.new.change(reset=1, carried_out=1, faults_on="getNumber")
        await world.buy()
        await until(lambda: world.new.books.lost == 1)
        await until(lambda: world.book.counts()[State.RESERVED] == 0)
        assert world.book.counts()[State.ENDED] == 0


async def test_a_process_that_died_in_between_is_made_up_for(tmp_path: Path) -> None:
    """Its reservation is all that is known: the number that it bought is found by the next one."""
    async with shadowed(tmp_path, LIVE) as world:
        await live(world)
        [row] = world.book.open_ones()
        with world.first.store._write() as connection:  # as it was before the answer came
            connection.exec_driver_sql(
                "UPDATE shadow_leases SET state = 'reserved', own_id = '', next_at = ?", (row.at + LATE,)
            )
        world.clock.advance(LATE)
        for _ in range(2):
            await world.keep()
        assert [one.state for one in world.new.books.leases] == [Sold.CANCELLED]


async def test_a_lost_store_forgets_no_number(tmp_path: Path) -> None:
    """The number was bought, and the store did not take it: it is written as soon as the store is back."""
    async with shadowed(tmp_path, LIVE) as world:
        leases = world.first.service.shadow_leases.leases
        known = leases._book.bought

        def fails(_: ShadowLease) -> None:
            raise StoreUnavailable("locked")

        leases._book.bought = fails  # type: ignore[method-assign]
        await world.buy()
        await until(lambda: world.count("shadow_lease_calls_failed") == 1)
        leases._book.bought = known  # type: ignore[method-assign]
        await leases.write()
        [lease] = world.book.open_ones()
        assert lease.own_id == world.new.books.leases[0].id
        assert replace(lease, state=State.RESERVED).amount == Decimal("0.20")


async def test_a_clients_lost_purchase_is_not_taken_for_a_shadow(tmp_path: Path) -> None:
    """A client's purchase on new was lost and not made: the shadow lease of the same offer is left to its keeper."""
    async with shadowed(tmp_path, LIVE, recover_lost=True) as world:
        await live(world)
        await world.first.split(weight=1.0, shadow=0.0)
        await world.new.change(reset=1, carried_out=0, faults_on="getNumber")
        assert (await world.ask("getNumber", service="tg", country="6")).body == b"ERROR_SQL"
        world.clock.advance(DUE + 30)
        await world.first.service.recovery.work()
        assert (world.count("recovered_purchases"), world.count("absent_purchases")) == (0, 1)
