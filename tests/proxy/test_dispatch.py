"""The cached dispatch of hooks: the same calls in the same order as mitmproxy's own."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mitmproxy import addonmanager, exceptions, hooks, http, master, options
from mitmproxy.addons import disable_h2c, next_layer, proxyserver
from mitmproxy.proxy import layers, server_hooks
from mitmproxy.test import tflow

from canary.proxy import dispatch
from canary.proxy.dispatch import CachedAddonManager
from tests.clients import connected, request
from tests.waiting import until

HOOKS = sorted(hooks.all_hooks)


class Recorder:
    """Writes down every hook that it is called for; some of its methods are coroutines, as ours is."""

    def __init__(self, name: str, calls: list[tuple[str, str]]) -> None:
        self.name = name
        self._calls = calls
        for hook in HOOKS:
            if hook not in {"load", "add_log"}:
                setattr(self, hook, self._method(hook))

    def _method(self, hook: str) -> Callable[..., Any]:
        def note(*_: object) -> None:
            self._calls.append((self.name, hook))

        async def note_later(*_: object) -> None:
            await asyncio.sleep(0)
            note()

        return note_later if hook in {"request", "response", "client_connected"} else note


class Answering(Recorder):
    """Answers each flow, and has recorders below it."""

    def __init__(self, name: str, calls: list[tuple[str, str]]) -> None:
        super().__init__(name, calls)
        self.addons = [Recorder(f"{name}/below", calls)]

    def _method(self, hook: str) -> Callable[..., Any]:
        note = super()._method(hook)
        if hook != "request":
            return note

        async def answer(flow: http.HTTPFlow) -> None:
            await note()
            flow.response = http.Response.make(200, b"answered")

        return answer


@asynccontextmanager
async def running(
    make: Callable[[master.Master], Any], *addons: Any
) -> AsyncIterator[proxyserver.Proxyserver]:
    """A master with the dispatch at hand in front of these addons."""
    server = proxyserver.Proxyserver()
    opts = options.Options(mode=["reverse:http://127.0.0.1:9"], listen_host="127.0.0.1", listen_port=0)
    level = logging.getLogger().level
    host = master.Master(opts)
    logging.getLogger().setLevel(level)
    host.addons = make(host)
    host.addons.add(server, next_layer.NextLayer(), disable_h2c.DisableH2C(), *addons)
    opts.update(connection_strategy="lazy")
    task = asyncio.create_task(host.run())
    await until(server.listen_addrs)
    try:
        yield server
    finally:
        host.shutdown()
        await task


async def _http_run(make: Callable[[master.Master], Any]) -> list[tuple[str, str]]:
    """The calls of two requests on a connection and one that is refused."""
    calls: list[tuple[str, str]] = []
    addons = (Recorder("first", calls), Answering("second", calls), Recorder("third", calls))
    async with running(make, *addons) as server:
        address = server.listen_addrs()[0][:2]
        async with connected(address) as client:
            assert (await client.ask(request())).body == b"answered"
            assert (await client.ask(request(method="POST", body=b"a=1"))).body == b"answered"
        async with connected(address) as client:
            await client.send(b"no HTTP at all\r\n\r\n")
            await client.reader.read()
        await until(lambda: not server.connections)
    return calls


async def test_a_real_run_makes_the_same_calls_in_the_same_order() -> None:
    """Every hook of real connections, nested addons and coroutines included, as the stock manager would call it."""
    stock, cached = await _http_run(addonmanager.AddonManager), await _http_run(CachedAddonManager)
    assert cached == stock
    assert {"request", "response", "requestheaders", "responseheaders", "client_connected", "update"} <= {
        hook for _, hook in stock
    }


class Bare:
    """An addon with one hook."""

    def __init__(self, name: str, **methods: Callable[..., Any]) -> None:
        self.name = name
        self.__dict__.update(methods)


@pytest.fixture
def managers() -> Callable[[], list[Any]]:
    """The stock manager and ours, each of a master of its own."""

    def make() -> list[Any]:
        level = logging.getLogger().level
        made = []
        for kind in (addonmanager.AddonManager, CachedAddonManager):
            host = master.Master(options.Options())
            host._legacy_log_events.uninstall()
            host.addons = kind(host)
            made.append(host.addons)
        logging.getLogger().setLevel(level)
        return made

    return make


async def test_addons_that_come_and_go_are_noticed(managers: Callable[[], list[Any]]) -> None:
    """What is added later is called, what is removed is not, and clearing leaves none."""
    hook = server_hooks.ClientDisconnectedHook(tflow.tclient_conn())
    for manager in managers():
        calls: list[str] = []
        one = Bare("one", client_disconnected=lambda _, calls=calls: calls.append("one"))
        two = Bare("two", client_disconnected=lambda _, calls=calls: calls.append("two"))
        manager.add(one)
        await manager.trigger_event(hook)
        manager.add(two)
        await manager.trigger_event(hook)
        manager.remove(one)
        await manager.trigger_event(hook)
        manager.clear()
        await manager.trigger_event(hook)
        assert calls == ["one", "one", "two", "two"]


async def test_a_hook_that_fails_stops_no_other(
    managers: Callable[[], list[Any]], caplog: pytest.LogCaptureFixture
) -> None:
    """An addon's defect is logged and the next addon is called."""

    def broken(_: object) -> None:
        raise ZeroDivisionError

    for manager in managers():
        caplog.clear()
        calls: list[str] = []
        manager.add(Bare("broken", client_disconnected=broken))
        manager.add(Bare("whole", client_disconnected=lambda _, calls=calls: calls.append("whole")))
        await manager.trigger_event(server_hooks.ClientDisconnectedHook(tflow.tclient_conn()))
        assert calls == ["whole"]
        assert "ZeroDivisionError" in caplog.text


async def test_a_hook_that_fails_ends_its_own_addon(managers: Callable[[], list[Any]]) -> None:
    """What stands below an addon that failed is not called, as in the stock dispatch."""

    def broken(_: object) -> None:
        raise ZeroDivisionError

    for manager in managers():
        calls: list[str] = []
        below = Bare("below", client_disconnected=lambda _, calls=calls: calls.append("below"))
        manager.add(Bare("above", client_disconnected=broken, addons=[below]))
        await manager.trigger_event(server_hooks.ClientDisconnectedHook(tflow.tclient_conn()))
        assert calls == []


async def test_a_hook_that_halts_stops_the_rest(managers: Callable[[], list[Any]]) -> None:
    """AddonHalt ends the chain."""

    def halt(_: object) -> None:
        raise exceptions.AddonHalt

    for manager in managers():
        calls: list[str] = []
        manager.add(Bare("halt", client_disconnected=halt))
        manager.add(Bare("after", client_disconnected=lambda _, calls=calls: calls.append("after")))
        await manager.trigger_event(server_hooks.ClientDisconnectedHook(tflow.tclient_conn()))
        assert calls == []


async def test_an_update_follows_a_flows_hook_only(managers: Callable[[], list[Any]]) -> None:
    """mitmproxy's own addons and others learn of changed flows, and of nothing else."""
    for manager in managers():
        calls: list[object] = []
        manager.add(Bare("watching", update=lambda flows, calls=calls: calls.extend(flows)))
        flow = tflow.tflow()
        await manager.handle_lifecycle(layers.http.HttpRequestHook(flow))
        await manager.handle_lifecycle(server_hooks.ClientDisconnectedHook(tflow.tclient_conn()))
        assert calls == [flow]


async def test_another_api_falls_back_to_the_stock_dispatch(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """When mitmproxy's private API is not as expected, calls are slower and answered all the same."""
    monkeypatch.delattr(addonmanager.AddonManager, "_iter_hooks")
    host = master.Master(options.Options())
    with caplog.at_level(logging.WARNING):
        manager = dispatch.addon_manager(host)
    host._legacy_log_events.uninstall()
    assert type(manager) is addonmanager.AddonManager
    assert "mitmproxy" in caplog.text
    assert "slower" in caplog.text


async def test_the_expected_api_gets_the_cache(caplog: pytest.LogCaptureFixture) -> None:
    """With the mitmproxy that is installed there is nothing to warn of."""
    host = master.Master(options.Options())
    manager = dispatch.addon_manager(host)
    host._legacy_log_events.uninstall()
    assert type(manager) is CachedAddonManager
    assert caplog.text == ""
