"""Hook dispatch with the callables cached per hook name: the stock walk takes 45 % of a keep-alive call.

It overrides private API of mitmproxy's AddonManager, so it stays small, the version range is pinned, a test holds
it against the stock dispatch, and ``addon_manager`` falls back to that one when the API is not as expected.
"""

import inspect
import logging
from collections.abc import Callable, Sequence
from typing import Any

from mitmproxy import addonmanager, exceptions, flow, hooks, version

log = logging.getLogger(__name__)

_EXPECTED = {
    "register": ["self", "addon"],
    "remove": ["self", "addon"],
    "clear": ["self"],
    "handle_lifecycle": ["self", "event"],
    "trigger_event": ["self", "event"],
    "_iter_hooks": ["self", "addon", "event"],
}
"""What is overridden or called, with its parameters."""


_UPDATE = hooks.UpdateHook([])  # its listeners, if any, hear of each hook of a flow


class CachedAddonManager(addonmanager.AddonManager):
    """Calls the same functions in the same order as the stock manager, without looking for them each time."""

    def __init__(self, master: Any) -> None:
        super().__init__(master)
        self._callables: dict[str, list[Sequence[Callable[..., Any]]]] = {}

    def register(self, addon: Any) -> Any:
        self._callables.clear()
        return super().register(addon)

    def remove(self, addon: Any) -> None:
        self._callables.clear()
        super().remove(addon)

    def clear(self) -> None:
        self._callables.clear()
        super().clear()

    def hears(self, event: hooks.Hook) -> bool:
        """Whether an addon listens to the hook, or to the update that follows each hook of a flow."""
        return bool(self._of(event) or self._of(_UPDATE))

    async def handle_lifecycle(self, event: hooks.Hook) -> None:
        await self.trigger_event(event)
        message = event.args()[0]
        if isinstance(message, flow.Flow):
            await self.trigger_event(hooks.UpdateHook([message]))

    async def trigger_event(self, event: hooks.Hook) -> None:
        for calls in self._of(event):
            try:
                for call in calls:
                    result = call(*event.args())
                    if result is not None and inspect.isawaitable(result):
                        await result
            except exceptions.AddonHalt:
                return
            except exceptions.OptionsError:
                raise
            except Exception:
                log.exception("an addon failed in %s", event.name)

    def _of(self, event: hooks.Hook) -> list[Sequence[Callable[..., Any]]]:
        """The hook's functions, those of an addon and of the addons below it together."""
        known = self._callables.get(event.name)
        if known is None:
            found = ([func for _, func in self._iter_hooks(addon, event)] for addon in self.chain)
            known = self._callables[event.name] = [calls for calls in found if calls]
        return known


def addon_manager(master: Any) -> addonmanager.AddonManager:
    """The cached dispatch, or mitmproxy's own when that is not what it was written against."""
    if all(_parameters(name) == names for name, names in _EXPECTED.items()):
        return CachedAddonManager(master)
    log.warning(
        "mitmproxy %s calls its addons in another way than expected; calls are served, but slower",
        version.VERSION,
    )
    return addonmanager.AddonManager(master)


def _parameters(name: str) -> list[str] | None:
    method = getattr(addonmanager.AddonManager, name, None)
    return None if method is None else list(inspect.signature(method).parameters)
