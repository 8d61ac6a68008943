"""One call through the gateway: which arm, what bytes, and what of the call reaches it."""

import asyncio
import gzip
import logging
from pathlib import Path
from typing import Any

import pytest

from canary.core.model import Arm, Effect, Lease
from canary.gateway.asking import REPEATABLE
from canary.store.errors import StoreUnavailable
from tests.factories import CLIENT_KEY, NEW_KEY, OLD_KEY, tlease, tpurchase, treq
from tests.rig import Rig, rig
from tests.upstreams import closes, nobody, raw, response, says, url_of, waits_for

BOUGHT = "ACCESS_NUMBER:635468024:79584123456"


async def buy(gateway: Rig, arm: Arm, own: str, action: str = "getNumber", body: str = "") -> Lease:
    """A lease on ``arm`` with the arm's own id, as the client knows it."""
    await gateway.split(weight=1.0 if arm is Arm.NEW else 0.0)
    gateway.arm(arm).next.append(says(body or f"ACCESS_NUMBER:{own}:79584123456"))
    before = {lease.lease_key for lease in gateway.service.bindings.leases}
    await gateway.ask(action)
    [lease] = [x for x in gateway.service.bindings.leases if x.lease_key not in before]
    assert (lease.arm, lease.id) == (arm, own)
    return lease


# --- where it goes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["id", "activationId"])
@pytest.mark.parametrize("method", ["GET", "POST", "form"])
async def test_a_lease_is_followed_to_its_arm(gateway: Rig, way: str, method: str) -> None:
    """However the id travels, and whatever the weight is by now."""
    await buy(gateway, Arm.NEW, "7")
    await buy(gateway, Arm.OLD, "8")
    for own, arm in (("7", gateway.new), ("8", gateway.old)):
        if method == "form":
            body = f"api_key={CLIENT_KEY}&action=setStatus&{way}={own}&status=8".encode()
            headers = (("Content-Type", "application/x-www-form-urlencoded"),)
            request = treq(method="POST", query="", body=body, headers=headers)
        else:
            request = treq("setStatus", method=method, **{way: own, "status": "8"})
        await gateway.handle(request)
        assert arm.heard[-1].action == "setStatus"
        assert arm.heard[-1].params[way] == own
    assert len(gateway.old.of("setStatus")) == len(gateway.new.of("setStatus")) == 1


async def test_a_lease_is_followed_after_a_restart(tmp_path: Path) -> None:
    """Another process, with nothing in memory, finds the arm in the store."""
    async with rig(tmp_path) as gateway:
        await buy(gateway, Arm.NEW, "7")
    async with rig(tmp_path) as again:
        await again.ask("getStatus", id="7")
        assert (len(again.new.heard), len(again.old.heard)) == (1, 0)


async def test_a_lease_that_another_replica_bound_is_found(gateway: Rig) -> None:
    """A lease that is not in memory is looked up, once."""
    gateway.store.bind(gateway.name, [(tpurchase(), [tlease(arm=Arm.NEW, id="7")])])
    await gateway.ask("getStatus", id="7")
    await gateway.ask("getStatus", id="7")
    assert len(gateway.new.of("getStatus")) == 2


async def test_a_lease_write_is_sent_once(gateway: Rig) -> None:
    """A cancel whose answer broke off is not repeated, on no arm."""
    await buy(gateway, Arm.NEW, "7")
    gateway.new.answers(setStatus=closes())
    answer = await gateway.ask("setStatus", id="7", status="8")
    assert answer.body == b"ERROR_SQL"
    assert answer.header("x-canary-error") == "reset"
    assert (len(gateway.new.of("setStatus")), len(gateway.old.of("setStatus"))) == (1, 0)


async def test_a_write_for_an_unknown_lease_goes_to_the_safe_arm_only(gateway: Rig) -> None:
    """It can only be older than the harness; no other arm is tried, whatever the answer."""
    gateway.old.answers(setStatus="NO_ACTIVATION")
    await gateway.split(weight=1.0)
    assert await gateway.says("setStatus", id="5", status="8") == "NO_ACTIVATION"
    assert (len(gateway.old.heard), len(gateway.new.heard)) == (1, 0)
    assert gateway.count("misrouted") == 0


@pytest.mark.parametrize(
    "action", ["getPrices", "getNumbersStatus", "getCountries", "getBalance", "getQiwiRequisites"]
)
async def test_reads_of_no_lease_go_to_the_safe_arm(gateway: Rig, action: str) -> None:
    """Before the cutover old, after it new."""
    await gateway.split(weight=0.5)
    await gateway.ask(action)
    await gateway.split(safe_arm=Arm.NEW, weight=1.0)
    await gateway.ask(action)
    assert (len(gateway.old.heard), len(gateway.new.heard)) == (1, 1)


@pytest.mark.parametrize(
    "query",
    [
        "api_key=KEY&action=doSomethingNew&id=7&x=%zz",
        "api_key=KEY&action=getnumbr",
        "api_key=KEY&action=getNumber&action=getBalance",
        "api_key=KEY&action=getStatus&id=7&id=8",
        "api_key=KEY&action=",
        "api_key=KEY&&&=&",
        "api_key=KEY&action=getNumber&service=" + "x" * 70_000,
    ],
)
async def test_what_cannot_be_understood_goes_to_the_safe_arm_as_it_is(gateway: Rig, query: str) -> None:
    """Nothing is split, shadowed or changed but the key; it is counted."""
    await gateway.split(weight=1.0, shadow=1.0)
    await gateway.handle(treq(query=query.replace("KEY", CLIENT_KEY)))
    assert gateway.old.heard[0].query == query.replace("KEY", OLD_KEY)
    assert gateway.new.heard == []
    assert gateway.count("malformed_calls") + gateway.count("unknown_actions") == 1


async def test_an_action_in_lower_case_is_understood(gateway: Rig) -> None:
    """A public client writes ``getbalance``; the arm gets what the client wrote."""
    gateway.old.answers(getbalance="ACCESS_BALANCE:1")
    assert await gateway.says("getbalance") == "ACCESS_BALANCE:1"
    assert gateway.count("unknown_actions") == 0


@pytest.mark.parametrize("method", ["G@T", "GE\x01T", "\xd0\x9d"])
async def test_a_method_that_is_none_is_refused(gateway: Rig, method: str) -> None:
    """What no upstream could be sent is refused, counted, and no defect."""
    answer = await gateway.ask("getBalance", method=method)
    assert answer.header("x-canary-error") == "malformed"
    assert gateway.count("malformed_calls") == 1
    assert gateway.count("internal_errors") == 0
    assert gateway.old.heard == []


# --- other paths --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/stubs/rent.php", "/", "/api/api.php", "/stubs/handler_api.php/x", "*", "/caf\xe9"]
)
async def test_other_paths_are_the_safe_arms_business(gateway: Rig, path: str) -> None:
    """A request beside the endpoint reaches the safe arm's host at its path, with the arm's key in place of its own."""
    await gateway.split(weight=1.0, shadow=1.0)
    gateway.old.otherwise = says("beside")
    answer = await gateway.ask("x", path=path)
    assert answer.body == b"beside"
    [heard] = gateway.old.heard
    assert heard.target.partition("?")[0] == {"*": "/*", "/caf\xe9": "/caf%E9"}.get(path, path)
    assert heard.params == {"api_key": OLD_KEY, "action": "x"}
    assert gateway.new.heard == []
    assert gateway.count("other_paths") == 1


async def test_a_request_without_a_key_beside_the_endpoint_gets_none(gateway: Rig) -> None:
    """The arm's key is put where the client had one, and nowhere else."""
    await gateway.ask(None, key=None, path="/favicon.ico")
    assert gateway.old.heard[0].target == "/favicon.ico"


async def test_another_path_that_fails_is_answered(tmp_path: Path) -> None:
    """The same words as for a call."""
    with nobody() as sock:
        async with rig(tmp_path, urls=(url_of(sock), None)) as gateway:
            answer = await gateway.ask(None, path="/")
    assert answer.body == b"ERROR_SQL"
    assert answer.header("x-canary-error") == "connect"


@pytest.mark.parametrize("prefix", ["/stubs", "", "/compat", "/a/b/c"])
async def test_the_endpoint_is_told_by_its_last_segment(gateway: Rig, prefix: str) -> None:
    """Whatever its prefix, a call goes to the arm's own endpoint."""
    await gateway.ask("getBalance", path=f"{prefix}/handler_api.php")
    assert gateway.old.heard[0].target.startswith("/stubs/handler_api.php?")
    assert gateway.count("other_paths") == 0


# --- keys ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"query": f"api_key={CLIENT_KEY}&action=getBalance"},
        {"query": f"action=getBalance&api_key={CLIENT_KEY}&api_key={CLIENT_KEY}"},
        {"query": "action=getBalance", "headers": (("X-ApiKey", CLIENT_KEY),)},
        {"query": "action=getBalance", "headers": (("Authorization", f"ApiKey {CLIENT_KEY}"),)},
        {"query": "", "body": f"action=getBalance&api_key={CLIENT_KEY}".encode(), "method": "POST"},
        {"query": f"action=getBalance&api_key={CLIENT_KEY}", "body": b"", "method": "POST"},
        {"query": f"action=getBalance&api%5Fkey={CLIENT_KEY}"},
        {"query": f"action=getBalance&x={'y' * 70_000}&api_key={CLIENT_KEY}"},
        {"query": f"action=getBalance&api_key={CLIENT_KEY}#frag"},
    ],
)
async def test_the_clients_key_is_replaced_wherever_it_is(gateway: Rig, changes: dict[str, Any]) -> None:
    """The arm gets its own key in the place of the client's, and no byte of the client's."""
    await gateway.handle(treq(**changes))
    [heard] = gateway.old.heard
    whole = heard.head + heard.body
    assert OLD_KEY.encode() in whole
    assert CLIENT_KEY.encode() not in whole


async def test_a_key_that_is_missing_is_added(gateway: Rig) -> None:
    """A client behind the harness needs no key of its own."""
    await gateway.ask("getBalance", key=None)
    assert gateway.old.heard[0].params == {"action": "getBalance", "api_key": OLD_KEY}


async def test_the_clients_key_passes_where_the_policy_says_so(tmp_path: Path) -> None:
    """``passthrough``: the arm knows the client's key."""
    async with rig(tmp_path, old={"api_key": "passthrough"}) as gateway:
        await gateway.ask("getBalance")
        assert gateway.old.heard[0].params["api_key"] == CLIENT_KEY


async def test_the_policys_headers_reach_their_arm_only(tmp_path: Path) -> None:
    """An arm's headers are added to every request for it."""
    async with rig(tmp_path, new={"headers": {"X-Sandbox-Mode": "1"}}) as gateway:
        await gateway.ask("getBalance")
        await gateway.split(weight=1.0)
        await gateway.ask("getNumber")
        assert gateway.old.heard[0].header("x-sandbox-mode") == []
        assert gateway.new.heard[0].header("x-sandbox-mode") == ["1"]


# --- what comes back ----------------------------------------------------------------------------------------------


async def test_the_arm_is_named_unless_that_is_off(tmp_path: Path) -> None:
    """One added header, which the policy may turn off."""
    async with rig(tmp_path) as gateway:
        gateway.old.answers(getBalance=raw(response("ACCESS_BALANCE:1", headers=(("A", "1"), ("B", "2")))))
        assert (await gateway.ask("getBalance")).headers == (("A", "1"), ("B", "2"), ("x-canary-arm", "old"))
    async with rig(tmp_path, arm_header=False) as gateway:
        gateway.old.answers(getBalance=raw(response("ACCESS_BALANCE:1", headers=(("A", "1"), ("B", "2")))))
        assert (await gateway.ask("getBalance")).headers == (("A", "1"), ("B", "2"))


async def test_a_failure_is_answered_as_the_policy_says(tmp_path: Path) -> None:
    """Another status and body, and the reason in a header."""
    failure = {"status": 503, "body": '{"error":"SERVER_ERROR"}'}
    async with rig(tmp_path, upstream_failure=failure) as gateway:
        gateway.old.answers(getPrices=closes())
        answer = await gateway.ask("getPrices")
    assert (answer.status, answer.body) == (503, b'{"error":"SERVER_ERROR"}')
    assert answer.header("x-canary-error") == "reset"


async def test_a_packed_reply_is_read_and_passed_on_packed(gateway: Rig) -> None:
    """The gateway reads what the client will read, and sends what the arm sent."""
    packed = gzip.compress(BOUGHT.encode())
    gateway.old.answers(getNumber=says(packed, Content_Encoding="gzip"))
    answer = await gateway.ask("getNumber")
    assert (answer.body, answer.header("content-encoding")) == (packed, "gzip")
    assert gateway.lease("635468024") is not None


@pytest.mark.parametrize("status", [204, 304])
async def test_a_reply_without_a_body_is_not_undecodable(
    gateway: Rig, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A Content-Encoding beside no body is no fault of the arm."""
    await buy(gateway, Arm.OLD, "7")
    gateway.old.answers(setStatus=raw(b"HTTP/1.1 %d X\r\nContent-Encoding: gzip\r\n\r\n" % status))
    answer = await gateway.ask("setStatus", id="7", status="8")
    assert (answer.status, answer.body) == (status, b"")
    assert "could not be decoded" not in caplog.text


async def test_an_undecodable_reply_is_passed_on_as_it_is(gateway: Rig) -> None:
    """What the gateway cannot read the client may."""
    gateway.old.answers(getPrices=says(b"\x1f\x8bjunk", Content_Encoding="gzip"))
    answer = await gateway.ask("getPrices")
    assert (answer.body, answer.header("content-encoding")) == (b"\x1f\x8bjunk", "gzip")


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("getStatusV2", '{"%s":"STATUS_OK:1"}'),
        ("checkExtraActivation", '{"status":"success","activationId":"%s","cost":1}'),
        ("reactivationPrice", '{"id":%s,"price":1.0}'),
    ],
)
async def test_a_reply_about_an_aliased_lease_names_the_alias(gateway: Rig, action: str, body: str) -> None:
    """The client sees the id that it knows; the arm gets its own."""
    await buy(gateway, Arm.OLD, "100")
    lease = await buy(gateway, Arm.NEW, "100")
    assert lease.visible_id != "100"
    gateway.new.answers(**{action: body % "100"})
    assert await gateway.says(action, id=lease.visible_id) == body % lease.visible_id
    assert gateway.new.heard[-1].params["id"] == "100"
    await gateway.ask(action, id="100")
    assert gateway.old.heard[-1].params["id"] == "100"


async def test_a_purchase_upon_an_aliased_lease_names_both_as_the_client_knows_them(gateway: Rig) -> None:
    """The parent in the reply is an id as well."""
    await buy(gateway, Arm.OLD, "100")
    parent = await buy(gateway, Arm.NEW, "100")
    body = '{"activationId":900,"phoneNumber":"79","parentActivationId":%s}'
    gateway.new.answers(getExtraActivation=body % "100")
    answer = await gateway.says("getExtraActivation", activationId=parent.visible_id)
    assert answer == body % parent.visible_id
    assert gateway.new.heard[-1].params["activationId"] == "100"


# --- trouble with the store -----------------------------------------------------------------------------------------


async def test_known_leases_keep_their_arm_without_the_store(
    gateway: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From memory; also those that are named beside one that is not in memory."""

    def gone(*_: object) -> None:
        raise StoreUnavailable("gone")

    await buy(gateway, Arm.NEW, "7")
    monkeypatch.setattr(gateway.store, "find", gone)
    await gateway.ask("setStatus", id="7", status="3")
    await gateway.ask("getStatusV2", id="7,999")
    assert [one.action for one in gateway.new.heard[1:]] == ["setStatus", "getStatusV2"]


async def test_new_leases_go_to_the_safe_arm_without_the_store(
    gateway: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A purchase upon a lease that cannot be looked up is made on the safe arm."""

    def gone(*_: object) -> None:
        raise StoreUnavailable("gone")

    await gateway.split(weight=1.0)
    monkeypatch.setattr(gateway.store, "find", gone)
    await gateway.ask("getExtraActivation", activationId="5")
    assert (len(gateway.old.heard), len(gateway.new.heard)) == (1, 0)


# --- units ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "same"),
    [("client", lambda n: {"client": f"10.0.0.{n}"}), ("key", lambda n: {"key": f"client-key-{n}"})],
)
async def test_a_client_or_key_stays_on_its_arm(tmp_path: Path, unit: str, same: Any) -> None:
    """What is assigned is the client or its key, so all purchases of one go the same way."""
    async with rig(tmp_path, rollout={"weight": 0.5}, unit=unit) as gateway:
        arms = [
            {(await gateway.ask("getNumber", **same(n))).header("x-canary-arm") for _ in range(4)}
            for n in range(16)
        ]
    assert all(len(arm) == 1 for arm in arms)
    assert set.union(*arms) == {"old", "new"}


async def test_each_purchase_is_drawn_anew(tmp_path: Path) -> None:
    """Without a unit of the client's each purchase is a draw of its own."""
    async with rig(tmp_path, rollout={"weight": 0.5}) as gateway:
        arms = [(await gateway.ask("getNumber")).header("x-canary-arm") for _ in range(40)]
    assert set(arms) == {"old", "new"}


# --- defects ------------------------------------------------------------------------------------------------------


async def test_a_defect_is_answered_and_counted(gateway: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client gets an answer, and the next call is served."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("canary.gateway.gateway.parse", broken)
        answer = await gateway.ask("getBalance")
    assert (answer.status, answer.body) == (200, b"ERROR_SQL")
    assert answer.header("x-canary-error") == "internal"
    assert gateway.count("internal_errors") == 1
    assert await gateway.says("getBalance") == "BAD_ACTION"
    assert gateway.service.gateway.in_flight == 0


async def test_the_number_in_flight_is_known(gateway: Rig) -> None:
    """A stop waits until it is zero."""
    release = asyncio.Event()
    gateway.old.answers(getPrices=waits_for(release, says("{}")))
    task = asyncio.create_task(gateway.ask("getPrices"))
    await gateway.old.has_heard(1)
    assert gateway.service.gateway.in_flight == 1
    release.set()
    await task
    assert gateway.service.gateway.in_flight == 0


# --- secrets ------------------------------------------------------------------------------------------------------


async def test_no_key_is_logged_or_stored(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the client's key, nor an arm's, nor a secret header: not in a log line at any level, not on disk."""
    caplog.set_level(logging.DEBUG)
    secret = "header-secret-0f1e2d3c4b5a"
    (tmp_path / "secret").write_text(secret)
    new = {"headers": {"X-Secret": {"file": str(tmp_path / "secret")}}, "timeout": "300ms"}
    async with rig(tmp_path, rollout={"weight": 0.5, "shadow": 1.0}, new=new) as gateway:
        gateway.old.answers(getNumber=BOUGHT, getPrices="{}", getStatus=f"BAD_KEY:{CLIENT_KEY}")
        gateway.new.answers(
            getNumber=closes(), getPrices=closes(b"HTTP/1.1 200 OK\r\nBroken\r\n\r\n"), setStatus=closes()
        )
        for action in (
            "getNumber",
            "getNumber",
            "getPrices",
            "getStatus",
            "setStatus",
            "nonsense",
            "getBalance",
        ):
            await gateway.ask(action, id="635468024", orderId=f"a{CLIENT_KEY[:3]}")
        await gateway.handle(treq(query=f"api_key={CLIENT_KEY}&action=a&action=b"))
        await gateway.ask("x", path=f"/other?{CLIENT_KEY}")
        await gateway.ask("getBalance", method="B@D")
        await gateway.flush()
        disk = _on_disk(tmp_path)
        shown = f"{gateway.service} {gateway.service.gateway.__dict__} {gateway.service.bindings.__dict__}"
    for text in (caplog.text, shown, disk):
        for key in (CLIENT_KEY, OLD_KEY, NEW_KEY, secret):
            assert key not in text


def _on_disk(folder: Path) -> str:
    """Every byte of the store, that of its write-ahead log too."""
    files = sorted(folder.glob("state.db*"))
    assert any(file.name.endswith("-wal") for file in files)
    return b"".join(file.read_bytes() for file in files).decode("latin-1")


def test_effects_that_may_be_repeated_buy_and_change_nothing() -> None:
    """Only reads are sent again when a connection broke under them."""
    assert {Effect.GLOBAL_READ, Effect.ACCOUNT_READ, Effect.LEASE_READ} == REPEATABLE
