"""Calls that both arms answer: lists merged, balances added, ids told apart, lost leases found."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from canary.core.model import Arm, Kind, Lease, LeaseState
from canary.store.errors import StoreUnavailable
from tests.factories import NOW, treq
from tests.rig import Rig, rig
from tests.upstreams import closes, nobody, raw, response, says, url_of, waits_for


async def buy(gateway: Rig, arm: Arm, own: str, kind: Kind = Kind.ACTIVATION) -> Lease:
    """A lease on ``arm`` with the arm's own id, as the client knows it."""
    await gateway.split(weight=1.0 if arm is Arm.NEW else 0.0)
    rent = kind is Kind.RENT
    body = '{"status":"success","phone":{"id":%s,"number":"79"}}' if rent else "ACCESS_NUMBER:%s:79584123456"
    gateway.arm(arm).next.append(says(body % own))
    before = {lease.lease_key for lease in gateway.service.bindings.leases}
    await gateway.ask("getRentNumber" if rent else "getNumber")
    [lease] = [x for x in gateway.service.bindings.leases if x.lease_key not in before]
    return lease


def active(*own: str, **more: Any) -> str:
    """SMS-Activate's answer to getActiveActivations."""
    rows = [{"activationId": id_, "serviceCode": "tg", **more} for id_ in own]
    return json.dumps({"status": "success", "activeActivations": rows})


def ids_in(body: str) -> list[str]:
    return [str(row["activationId"]) for row in json.loads(body)["activeActivations"]]


# --- one list of both arms ------------------------------------------------------------------------------------------


async def test_the_account_is_one_arms_until_the_other_has_leases(gateway: Rig) -> None:
    """Nothing is asked of an arm that never issued anything."""
    gateway.old.answers(getActiveActivations=active("1"))
    assert ids_in(await gateway.says("getActiveActivations")) == ["1"]
    assert gateway.new.heard == []


async def test_active_leases_of_both_arms_are_one_list(gateway: Rig) -> None:
    """A client that reconciles sees all its leases, each under the id that it knows."""
    await buy(gateway, Arm.OLD, "100")
    alias = (await buy(gateway, Arm.NEW, "100")).visible_id
    gateway.old.answers(getActiveActivations=active("100", "101"))
    gateway.new.answers(getActiveActivations=active("100", "102"))
    answer = await gateway.ask("getActiveActivations")
    assert ids_in(answer.body.decode()) == ["100", "101", alias, "102"]
    assert answer.header("x-canary-error") == ""
    assert answer.header("content-length") == ""


@pytest.mark.parametrize("action", ["getHistory", "getListOfActiveActivations"])
async def test_other_lists_are_merged_as_well(gateway: Rig, action: str) -> None:
    """The history and the old form of the list."""
    await buy(gateway, Arm.OLD, "100")
    alias = (await buy(gateway, Arm.NEW, "100")).visible_id
    gateway.old.answers(**{action: '[{"id":100,"phone":"79"}]'})
    gateway.new.answers(**{action: '[ {"id":100,"phone":"78"} ]'})
    expected = f'[{{"id":100,"phone":"79"}},{{"id":{alias},"phone":"78"}}]'
    assert await gateway.says(action) == expected


async def test_rents_are_merged_in_their_own_namespace(gateway: Rig) -> None:
    """The numbered object of getRentList goes on counting; an activation's alias does not touch a rent of its id."""
    await buy(gateway, Arm.OLD, "7")
    await buy(gateway, Arm.NEW, "7")
    await buy(gateway, Arm.NEW, "7", Kind.RENT)
    gateway.old.answers(getRentList='{"status":"success","values":{"0":{"id":"5","phone":"79"}}}')
    gateway.new.answers(getRentList='{"status":"success","values":{"0":{"id":"7","phone":"78"}}}')
    merged = json.loads(await gateway.says("getRentList"))
    assert merged["values"] == {"0": {"id": "5", "phone": "79"}, "1": {"id": "7", "phone": "78"}}


@pytest.mark.parametrize("nothing", ["NO_ACTIVATIONS", '{"status":"error","error":"NO_ACTIVATIONS"}'])
async def test_an_arm_without_leases_adds_nothing(gateway: Rig, nothing: str) -> None:
    """The other's answer is given as it came, headers and packing included."""
    await buy(gateway, Arm.NEW, "100")
    listed = raw(response(active("100"), headers=(("Content-Type", "application/json"), ("X-Mine", "1"))))
    for empty, full in ((gateway.old, gateway.new), (gateway.new, gateway.old)):
        empty.answers(getActiveActivations=nothing)
        full.answers(getActiveActivations=listed)
        answer = await gateway.ask("getActiveActivations")
        assert answer.body.decode() == active("100")
        assert (answer.header("content-type"), answer.header("x-mine")) == ("application/json", "1")
        assert answer.header("x-canary-error") == ""


async def test_no_leases_anywhere_is_the_safe_arms_word(gateway: Rig) -> None:
    """Two refusals are one."""
    await buy(gateway, Arm.NEW, "100")
    gateway.old.answers(getActiveActivations="NO_ACTIVATIONS")
    gateway.new.answers(getActiveActivations='{"status":"error","error":"NO_ACTIVATIONS"}')
    assert await gateway.says("getActiveActivations") == "NO_ACTIVATIONS"


@pytest.mark.parametrize("play", [closes(), says("<html>"), says("BAD_KEY"), says("{")])
async def test_half_a_list_says_that_it_is_half(gateway: Rig, play: Any) -> None:
    """When one arm cannot be read the other's list is given, with aliases, and a header names who is missing."""
    await buy(gateway, Arm.OLD, "100")
    alias = (await buy(gateway, Arm.NEW, "100")).visible_id
    gateway.old.answers(getActiveActivations=active("100"))
    gateway.new.answers(getActiveActivations=play)
    answer = await gateway.ask("getActiveActivations")
    assert ids_in(answer.body.decode()) == ["100"]
    assert answer.header("x-canary-error").startswith("new ")
    gateway.old.answers(getActiveActivations=play)
    gateway.new.answers(getActiveActivations=active("100"))
    answer = await gateway.ask("getActiveActivations")
    assert ids_in(answer.body.decode()) == [alias]
    assert answer.header("x-canary-error").startswith("old ")


async def test_a_list_that_cannot_be_joined_is_named(gateway: Rig) -> None:
    """An answer of an unknown shape leaves the first arm's as it is."""
    await buy(gateway, Arm.NEW, "100")
    gateway.old.answers(getActiveActivations=active("100"))
    gateway.new.answers(getActiveActivations='{"odd":1}')
    answer = await gateway.ask("getActiveActivations")
    assert answer.body.decode() == active("100")
    assert answer.header("x-canary-error") == "new answered what cannot be joined"


async def test_two_arms_that_fail_are_a_failure(gateway: Rig) -> None:
    """The client gets the failure's words."""
    await buy(gateway, Arm.NEW, "100")
    gateway.old.answers(getActiveActivations=closes())
    gateway.new.answers(getActiveActivations=closes())
    answer = await gateway.ask("getActiveActivations")
    assert answer.body == b"ERROR_SQL"


async def test_both_arms_are_asked_at_the_same_time(gateway: Rig) -> None:
    """A list of both takes as long as the slower, not as both together."""
    await buy(gateway, Arm.NEW, "100")
    release = asyncio.Event()
    for arm in (gateway.old, gateway.new):
        arm.answers(getActiveActivations=waits_for(release, says(active())))
    task = asyncio.create_task(gateway.ask("getActiveActivations"))
    await gateway.old.has_heard(1, "getActiveActivations")
    await gateway.new.has_heard(1, "getActiveActivations")
    release.set()
    await task


async def test_aliases_of_a_packed_list_are_applied(gateway: Rig) -> None:
    """A reply that was packed is edited unpacked, and says so by saying nothing."""
    await buy(gateway, Arm.OLD, "100")
    alias = (await buy(gateway, Arm.NEW, "100")).visible_id
    gateway.old.answers(getActiveActivations="NO_ACTIVATIONS")
    gateway.new.answers(
        getActiveActivations=says(gzip.compress(active("100").encode()), Content_Encoding="gzip")
    )
    answer = await gateway.ask("getActiveActivations")
    assert ids_in(answer.body.decode()) == [alias]
    assert answer.header("content-encoding") == ""


@pytest.mark.parametrize("restarted", [True, False])
async def test_an_alias_is_known_to_every_process(tmp_path: Path, restarted: bool) -> None:
    """A restart that forgot an ended lease, and a replica that never saw it, show the client's id all the same."""
    (tmp_path / "replica").mkdir()
    async with rig(tmp_path) as gateway, rig(tmp_path / "replica", state=gateway.state) as replica:
        await buy(gateway, Arm.OLD, "100")
        alias = (await buy(gateway, Arm.NEW, "100")).visible_id
        if restarted:
            gateway.new.answers(setStatus="ACCESS_CANCEL")
            await gateway.ask("setStatus", id=alias, status="8")
            await asyncio.sleep(0)
            await gateway.flush()
            replica.clock.advance(10 * 24 * 3600)
            replica.service.bindings.load(replica.clock())
        else:
            await replica.service.bindings.look_around()
        replica.old.answers(getHistory='[{"id":100}]')
        replica.new.answers(getHistory='[{"id":100}]')
        assert await replica.says("getHistory") == f'[{{"id":100}},{{"id":{alias}}}]'


# --- balances -----------------------------------------------------------------------------------------------------


async def test_the_balance_is_the_safe_arms(gateway: Rig) -> None:
    """Two accounts in two currencies are not added unasked."""
    await buy(gateway, Arm.NEW, "1")
    gateway.old.answers(getBalance="ACCESS_BALANCE:17.15")
    assert await gateway.says("getBalance") == "ACCESS_BALANCE:17.15"
    assert gateway.new.of("getBalance") == []


async def test_balances_are_added_where_the_policy_says_so(tmp_path: Path) -> None:
    """Exact decimals; when one is missing the other is given with a header that says whose is missing."""
    async with rig(tmp_path, balance="sum") as gateway:
        gateway.old.answers(getBalance="ACCESS_BALANCE:17.154\n")
        gateway.new.answers(getBalance="ACCESS_BALANCE:0.1")
        assert await gateway.says("getBalance") == "ACCESS_BALANCE:17.254\n"
        gateway.new.answers(getBalance="BAD_KEY")
        answer = await gateway.ask("getBalance")
        assert answer.body == b"ACCESS_BALANCE:17.154\n"
        assert answer.header("x-canary-error").startswith("new ")
        gateway.old.answers(getBalance="SERVER_ERROR")
        gateway.new.answers(getBalance="ACCESS_BALANCE:0.1")
        answer = await gateway.ask("getBalance")
        assert answer.body == b"SERVER_ERROR"
        assert answer.header("x-canary-error").startswith("old ")


# --- several ids in one call -----------------------------------------------------------------------------------------


async def test_ids_of_two_arms_in_one_call(gateway: Rig) -> None:
    """Each arm is asked for its own leases by its own ids; the client gets one map by the ids that it sent."""
    await buy(gateway, Arm.OLD, "100")
    alias = (await buy(gateway, Arm.NEW, "100")).visible_id
    await buy(gateway, Arm.NEW, "102")
    gateway.old.answers(getStatusV2='{"100":"STATUS_OK:11"}')
    gateway.new.answers(getStatusV2='{"100":"STATUS_WAIT_CODE","102":"STATUS_CANCEL"}')
    answer = await gateway.says("getStatusV2", id=f"100,{alias},102")
    assert json.loads(answer) == {"100": "STATUS_OK:11", alias: "STATUS_WAIT_CODE", "102": "STATUS_CANCEL"}
    assert gateway.old.of("getStatusV2")[0].params["id"] == "100"
    assert gateway.new.of("getStatusV2")[0].params["id"] == "100,102"


async def test_an_id_that_nobody_knows_is_asked_for_on_the_safe_arm(gateway: Rig) -> None:
    """Among known ones: the arm that has what is older than the harness."""
    await buy(gateway, Arm.NEW, "102")
    gateway.old.answers(getStatusV2='{"5":"STATUS_OK:11"}')
    gateway.new.answers(getStatusV2='{"102":"STATUS_CANCEL"}')
    answer = await gateway.says("getStatusV2", id="102,5")
    assert json.loads(answer) == {"5": "STATUS_OK:11", "102": "STATUS_CANCEL"}
    assert gateway.new.of("getStatusV2")[0].params["id"] == "102"


async def test_half_a_map_says_that_it_is_half(gateway: Rig) -> None:
    """The arm that answered is passed on with its aliases; the other is named."""
    await buy(gateway, Arm.OLD, "100")
    alias = (await buy(gateway, Arm.NEW, "100")).visible_id
    gateway.old.answers(getStatusV2=closes())
    gateway.new.answers(getStatusV2='{"100":"STATUS_CANCEL"}')
    answer = await gateway.ask("getStatusV2", id=f"100,{alias}")
    assert json.loads(answer.body) == {alias: "STATUS_CANCEL"}
    assert answer.header("x-canary-error").startswith("old ")


# --- leases that nobody knows ---------------------------------------------------------------------------------------


async def test_a_lease_known_to_the_safe_arm_is_bound_there(gateway: Rig) -> None:
    """The first sensible answer binds a lease older than the harness; the next call goes straight there."""
    gateway.old.answers(getStatus="STATUS_WAIT_CODE", setStatus="ACCESS_CANCEL")
    await gateway.split(weight=1.0)
    assert await gateway.says("getStatus", id="5") == "STATUS_WAIT_CODE"
    lease = gateway.lease("5")
    assert lease is not None
    assert (lease.arm, lease.purchase, lease.opened_at) == (Arm.OLD, None, NOW)
    await gateway.ask("setStatus", id="5", status="8")
    assert [one.action for one in gateway.old.heard] == ["getStatus", "setStatus"]
    assert gateway.new.heard == []
    assert gateway.count("adopted_leases") == 1


async def test_a_lease_known_to_the_other_arm_only_is_bound_there(gateway: Rig) -> None:
    """Asked on the safe arm first, once on the other, and bound by the answer; writes then go there too."""
    gateway.old.answers(getStatus="NO_ACTIVATION")
    gateway.new.answers(getStatus="STATUS_OK:11", setStatus="ACCESS_ACTIVATION")
    answer = await gateway.ask("getStatus", id="5")
    assert (answer.body, answer.header("x-canary-arm")) == (b"STATUS_OK:11", "new")
    assert await gateway.says("setStatus", id="5", status="6") == "ACCESS_ACTIVATION"
    assert (len(gateway.old.heard), len(gateway.new.heard)) == (1, 2)
    assert gateway.count("misrouted") == 0


async def test_after_the_cutover_new_is_asked_first(gateway: Rig) -> None:
    """The safe arm is where an unknown lease is asked for first."""
    await gateway.split(safe_arm=Arm.NEW, weight=1.0)
    gateway.new.answers(getStatus="NO_ACTIVATION")
    gateway.old.answers(getStatus="STATUS_WAIT_CODE")
    answer = await gateway.ask("getStatus", id="5")
    assert answer.header("x-canary-arm") == "old"


async def test_a_lease_that_no_arm_knows_is_the_safe_arms_word(gateway: Rig) -> None:
    """Both were asked, nothing is bound, and the client gets the first refusal."""
    gateway.old.answers(getStatus="NO_ACTIVATION")
    gateway.new.answers(getStatus="WRONG_ACTIVATION_ID")
    answer = await gateway.ask("getStatus", id="5")
    assert (answer.body, answer.header("x-canary-arm")) == (b"NO_ACTIVATION", "old")
    assert gateway.lease("5") is None
    assert gateway.count("misrouted") == 0


@pytest.mark.parametrize("body", ["BAD_KEY", "ERROR_SQL", "BAD_ACTION", ""])
async def test_only_an_unknown_lease_is_asked_for_twice(gateway: Rig, body: str) -> None:
    """Any other refusal is the answer, and binds nothing."""
    gateway.old.answers(getStatus=body)
    await gateway.ask("getStatus", id="5")
    assert gateway.new.heard == []
    assert gateway.lease("5") is None


async def test_a_safe_arm_that_is_gone_is_not_a_word_about_the_lease(tmp_path: Path) -> None:
    """No answer is no knowledge: the other arm is not asked, nothing is bound."""
    with nobody() as sock:
        async with rig(tmp_path, urls=(url_of(sock), None)) as gateway:
            assert await gateway.says("getStatus", id="5") == "ERROR_SQL"
            assert gateway.new.heard == []


async def test_a_rent_that_was_met_has_no_known_end(gateway: Rig) -> None:
    """Rents live for weeks; one that was met in traffic is not closed after twenty minutes."""
    gateway.old.answers(getRentStatus='{"status":"success","quantity":1,"values":{"0":{"text":"code 11"}}}')
    await gateway.ask("getRentStatus", id="5")
    gateway.clock.advance(86400)
    gateway.service.ledger.close_expired()
    await gateway.flush()
    lease = gateway.lease("5", Kind.RENT)
    assert lease is not None
    assert lease.state is LeaseState.OPEN


async def test_a_lease_that_cannot_be_bound_is_still_answered(
    gateway: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the store gone an unknown lease is found anew each time."""

    def gone(*_: object) -> None:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(gateway.store, "adopt", gone)
    gateway.old.answers(getStatus="STATUS_WAIT_CODE")
    assert await gateway.says("getStatus", id="5") == "STATUS_WAIT_CODE"
    assert gateway.count("adopted_leases") == 0


async def test_a_form_is_asked_in_parts_as_well(gateway: Rig) -> None:
    """Ids that travel in a form are replaced in the form."""
    await buy(gateway, Arm.OLD, "100")
    await buy(gateway, Arm.NEW, "102")
    headers = (("Content-Type", "application/x-www-form-urlencoded"),)
    body = b"api_key=k&action=getStatusV2&id=100%2C102"
    gateway.old.answers(getStatusV2='{"100":"STATUS_OK:1"}')
    gateway.new.answers(getStatusV2='{"102":"STATUS_OK:2"}')
    answer = await gateway.handle(treq(method="POST", query="", body=body, headers=headers))
    assert json.loads(answer.body) == {"100": "STATUS_OK:1", "102": "STATUS_OK:2"}
    assert gateway.new.of("getStatusV2")[0].body.endswith(b"&id=102")
