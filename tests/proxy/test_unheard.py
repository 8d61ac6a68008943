"""Hooks that no addon listens to: completed on the spot, with the same outcome as through mitmproxy's own tasks."""

from collections.abc import Generator
from typing import Any

import pytest
from mitmproxy import options
from mitmproxy.connection import Client
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import HttpRequestHook, HttpResponseHook
from mitmproxy.proxy.mode_servers import ProxyConnectionHandler
from mitmproxy.test import tflow

from canary.core.model import Request, Response
from canary.proxy.unheard import Unheard
from tests.clients import connected, request
from tests.proxy.conftest import Opening
from tests.waiting import until


class Talkative(layer.Layer):
    """Sends what it was told after each of two hooks, and hears of the start alone."""

    def _handle_event(self, event: events.Event) -> Generator[commands.Command, Any, None]:
        for hook in (HttpRequestHook, HttpResponseHook):
            yield hook(tflow.tflow())
            yield commands.SendData(self.context.client, hook.name.encode())


def talkative(*heard: str) -> Unheard:
    """A talkative layer whose hooks of these names have a listener."""
    client = Client(peername=("192.0.2.7", 1), sockname=("192.0.2.1", 8080), timestamp_start=0.0)
    context = Context(client, options.Options())
    return Unheard(Talkative(context), lambda hook: hook.name in heard)


def said(top: Unheard, event: events.Event) -> list[str | bytes]:
    """What an event leads to: names of hooks, and data."""
    return [one.name if isinstance(one, commands.StartHook) else one.data for one in top.handle_event(event)]


def test_unheard_hooks_are_completed_within_the_event() -> None:
    """A layer whose hooks nobody hears goes on at once, and none of them gets out."""
    assert said(talkative(), events.Start()) == [b"request", b"response"]


def test_a_heard_hook_gets_out_and_is_waited_for() -> None:
    """A hook with a listener is handed on; the layer goes on when it is completed from outside."""
    top = talkative("request")
    [hook] = top.handle_event(events.Start())
    assert isinstance(hook, HttpRequestHook)
    assert said(top, events.HookCompleted(hook)) == [b"request", b"response"]


async def test_a_call_leaves_one_hook_to_a_task(opened: Opening, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a call's hooks only the request, which the gateway answers, is carried out by a task of its own."""
    carried_out = []
    stock = ProxyConnectionHandler.hook_task

    async def hook_task(self: ProxyConnectionHandler, hook: commands.StartHook) -> None:
        carried_out.append(hook.name)
        await stock(self, hook)

    monkeypatch.setattr(ProxyConnectionHandler, "hook_task", hook_task)
    async with opened(_at_once) as ingress, connected(ingress.address) as client:
        for _ in range(2):
            assert (await client.ask(request())).status == 200
    assert [name for name in carried_out if name != "next_layer"] == ["request", "request"]


async def test_a_half_closed_client_is_let_go(opened: Opening) -> None:
    """Request and end of stream arrive together, the answer is there at once: the connection does not hang."""
    async with opened(_at_once) as ingress:
        async with connected(ingress.address) as client:
            client.writer.write(request("getBalance", "Connection: close"))
            client.writer.write_eof()
            await client.reader.read()  # mitmproxy takes such a client for one that went away
        await until(lambda: ingress.connections == 0)


async def _at_once(_: Request) -> Response:
    return Response(200, (("Content-Type", "text/plain"),), b"ACCESS_BALANCE:1")
