"""Pairs behind a gateway: counted whoever failed, and written with the batches."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from canary.core.model import Arm
from canary.core.pairing import Pairing
from canary.core.pairs import Pairs
from canary.core.policy.terms import terms_of
from canary.gateway.asking import Asked
from canary.gateway.config import load
from canary.gateway.pairs import PairCounts
from tests.factories import tcall, texchange, trollout
from tests.rig import Rig, rig
from tests.upstreams import closes, says
from tests.waiting import until


def asked(arm: Arm) -> Asked:
    """An answer of an arm."""
    return Asked(texchange(tcall("getPrices"), arm=arm), None)


@pytest.fixture
async def shadowing(tmp_path: Path) -> AsyncIterator[Rig]:
    """A gateway that shadows every read."""
    async with rig(tmp_path, rollout={"shadow": 1.0}, shadow={"noise": 0}) as running:
        for arm in (running.old, running.new):
            arm.answers(getBalance="ACCESS_BALANCE:1.50")
        yield running


async def counted(gateway: Rig, pairs: int) -> dict[str, Any]:
    """What the store holds once so many pairs were compared."""
    counts = gateway.service.ledger.pairs
    await until(
        lambda: sum(p.total for k, p in counts._counts.items() if k.metric == "call_success") >= pairs
    )
    await gateway.flush()
    policy = load(
        gateway.state.parent / "policy.yaml"
    ).policy  # with its profiles, which it is judged by, too
    return gateway.store.pairs(gateway.name, terms_of(policy), 1, gateway.rollout.stage_index)


async def test_pairs_reach_the_store(shadowing: Rig) -> None:
    """New fails alone, then both answer."""
    shadowing.new.next.append(says("ERROR_SQL"))
    for _ in range(3):
        await shadowing.ask("getBalance")
    found = await counted(shadowing, 3)
    assert found["call_success"] == Pairs(only_new=1, neither=2)


async def test_a_call_that_old_did_not_answer_is_paired_too(shadowing: Rig) -> None:
    """Left out, old would look as though it never failed."""
    shadowing.old.answers(getBalance=closes())
    for _ in range(2):
        await shadowing.ask("getBalance")
    found = await counted(shadowing, 2)
    assert found["call_success"] == Pairs(only_old=2)
    assert len(shadowing.new.of("getBalance")) == 2


def test_a_repeat_to_the_same_arm_pairs_nothing() -> None:
    """It tells the arm's noise, not its difference from the other."""
    counts = PairCounts(Pairing(), "terms", trollout)
    counts.take(asked(Arm.OLD), asked(Arm.OLD))
    assert counts.take_changed() == {}


def test_the_arm_that_serves_may_be_either() -> None:
    """After the cutover new serves, and old gets the copies."""
    counts = PairCounts(Pairing(), "terms", trollout)
    counts.take(asked(Arm.NEW), asked(Arm.OLD))
    assert [*counts.take_changed().values()] == [Pairs(neither=1)]


def test_what_could_not_be_written_is_written_next_time() -> None:
    """Totals are taken when something changed, and again after a failure."""
    counts = PairCounts(Pairing(), "terms", trollout)
    counts.take(asked(Arm.OLD), asked(Arm.NEW))
    taken = counts.take_changed()
    assert counts.take_changed() == {}
    counts.give_back(taken)
    assert counts.take_changed() == taken
