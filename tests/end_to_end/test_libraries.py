"""The running harness under client libraries that nobody here wrote."""

import asyncio
from pathlib import Path

import pytest
import requests

from canary.core.protocol.rewrite import fingerprint
from canary.sim.behaviour import Behaviour, Spread
from canary.sim.ids import code_for
from canary.sim.lease import State
from canary.sim.provider import Provider
from canary.sim.tls import Authority
from tests.end_to_end.libraries import HOSTS, OPEN, Library, Reach, Trouble
from tests.end_to_end.rig import Harness, policy
from tests.factories import CLIENT_KEY, NEW_KEY, OLD_KEY

pytestmark = pytest.mark.end_to_end

HALF = [{"name": "half", "weight": "50%", "hold": "24h"}]
# both arms issue the same ids; a number for wa never gets its code
SELLING = Behaviour(
    success=1.0,
    success_of={"wa": 0.0},
    code_delay=Spread(median=0.0),
    minimum_hold=0,
    id_start=1000,
    deposit="100000.50",  # pysmshub reads a balance without decimals as nothing
)


@pytest.mark.parametrize("name", OPEN)
async def test_leases_of_a_library_live_on_their_arms(
    tmp_path: Path, ingress: tuple[str, str], name: str
) -> None:
    """With its address changed, a library buys, gets codes, finishes and cancels on both arms, each with its key."""
    async with (
        Provider(SELLING, seed="old", keys=[OLD_KEY]) as old,
        Provider(SELLING, seed="new", keys=[NEW_KEY]) as new,
        Harness(tmp_path, policy(old.url, new.url, stages=HALF), ingress) as harness,
        OPEN[name](Reach(url=harness.url)) as library,
    ):
        assert int(await library.balance()) == 100_000
        await _live(library, old, new)


@pytest.mark.parametrize("name", OPEN)
async def test_a_library_that_cannot_be_changed_goes_through_the_proxy(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In regular mode the host that is written into the library is answered by the harness, by HTTP or with its CA."""
    confdir = tmp_path / "ca"
    regular = {"mode": "regular", "intercept": [HOSTS[name]]}
    async with (
        Provider(SELLING, seed="old", keys=[OLD_KEY]) as old,
        Provider(SELLING, seed="new", keys=[NEW_KEY]) as new,
        Harness(
            tmp_path, policy(old.url, new.url, stages=HALF, **regular), ("--confdir", str(confdir))
        ) as harness,
    ):
        for variable in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv("HTTPS_PROXY", harness.proxy)
        monkeypatch.setenv("https_proxy", harness.proxy)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(confdir / "mitmproxy-ca-cert.pem"))
        async with OPEN[name](Reach(proxy=harness.proxy)) as library:
            await _live(library, old, new)


async def test_other_hosts_pass_through_the_proxy_untouched(tmp_path: Path) -> None:
    """What is not intercepted keeps its own certificate, the client's key, and is in nobody's books but its own."""
    authority = Authority.temporary()
    regular = {"mode": "regular", "intercept": ["api.sms-activate.org"]}
    async with (
        Provider(SELLING, seed="other", authority=authority) as other,
        Harness(
            tmp_path,
            policy(other.url, other.url, stages=HALF, **regular),
            ("--confdir", str(tmp_path / "ca")),
        ) as harness,
    ):
        answer = await asyncio.to_thread(
            requests.get,
            other.url,
            params={"action": "getNumber", "service": "tg", "country": "6", "api_key": CLIENT_KEY},
            proxies={"https": harness.proxy},
            verify=other.ca_file,
        )
        assert answer.text.startswith("ACCESS_NUMBER:")
        assert "x-canary-arm" not in answer.headers
        assert [lease.key for lease in other.books.leases] == [fingerprint(CLIENT_KEY)]
        assert (await harness.status())["leases"]["old"]["total"] == 0


@pytest.mark.parametrize("name", OPEN)
async def test_a_library_hears_a_word_it_knows_when_an_arm_hangs(tmp_path: Path, name: str) -> None:
    """It raises its own error for server trouble, and neither it nor the harness buys a second time."""
    async with (
        Provider(SELLING, seed="old") as old,
        Provider(SELLING, seed="new") as new,
        Harness(tmp_path, policy(old.url, new.url, stages=HALF, new={"timeout": "3s"})) as harness,
        OPEN[name](Reach(url=harness.url)) as library,
    ):
        await new.change(hang=1.0, carried_out=1.0)
        bought, error = 0, None
        while error is None:
            try:
                await library.buy("tg")
                bought += 1
            except Trouble as trouble:
                error = trouble
        assert str(error) in {"ERROR_SQL", "SQLError"}
        assert (old.books.by_action["getNumber"], new.books.by_action["getNumber"]) == (bought, 1)


async def _live(library: Library, old: Provider, new: Provider) -> None:
    """Buy until both arms have sold numbers of both kinds, get codes for the ones, cancel the others."""
    arms, tries = (old, new), 0
    wanted = {(arm.port, service) for arm in arms for service in ("tg", "wa")}
    ids = set()
    while wanted and tries < 100:
        service = ("tg", "wa")[tries % 2]
        tries += 1
        lease, phone = await library.buy(service)
        ids.add(lease)
        arm, sold = next((arm, x) for arm in arms for x in arm.books.leases if x.phone.lstrip("+") == phone)
        wanted.discard((arm.port, service))
        code = await library.code(lease)
        if service == "tg":
            assert code == code_for(phone)
            assert await library.end(lease, 6) == "ACCESS_ACTIVATION"
            assert sold.state is State.FINISHED
        else:
            assert code is None
            assert await library.end(lease, 8) == "ACCESS_CANCEL"
            assert sold.state is State.CANCELLED
    assert not wanted
    assert len(ids) == tries, "ids are unique though both arms issue the same"
    assert sum(arm.books.by_action["getNumber"] for arm in arms) == tries
    assert sum(arm.books.foreign for arm in arms) == 0
