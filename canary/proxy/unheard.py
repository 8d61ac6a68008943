"""Hooks that no addon listens to, completed on the spot: the stock server starts a task for each of them.

Four hooks accompany a call and one has a listener. It stands on mitmproxy's boundary between what its layers
ask for and what its server carries out, commands and events, which is the same in all of its servers.
"""

from collections import deque
from collections.abc import Callable, Generator
from typing import Any

from mitmproxy.proxy import commands, events, layer, mode_servers
from mitmproxy.proxy.context import Context


class Unheard:
    """A connection's top layer that keeps unheard hooks to itself.

    Args:
        heard: whether an addon listens to a hook.
    """

    def __init__(self, inner: layer.Layer, heard: Callable[[commands.StartHook], bool]) -> None:
        self.context = inner.context
        self._inner = inner
        self._heard = heard

    def handle_event(self, event: events.Event) -> Generator[commands.Command, None, None]:
        """The commands that an event leads to, those after an unheard hook's completion included."""
        waiting = deque([event])
        while waiting:
            for command in self._inner.handle_event(waiting.popleft()):
                if not isinstance(command, commands.StartHook) or self._heard(command):
                    yield command
                elif command.blocking:
                    waiting.append(events.HookCompleted(command))


def skip_unheard(
    server: mode_servers.ServerInstance[Any], heard: Callable[[commands.StartHook], bool]
) -> None:
    """Let the connections that ``server`` accepts from now on complete unheard hooks on the spot."""
    stock = server.make_top_layer

    def make_top_layer(context: Context) -> Unheard:
        return Unheard(stock(context), heard)

    server.make_top_layer = make_top_layer  # type: ignore[method-assign, assignment]
