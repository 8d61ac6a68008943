"""mitmproxy without the checks that it makes of itself: the type of every message and event, a sixth of a call.

It leaves them out of its own accord under ``python -O``. Import this before the rest of mitmproxy; afterwards, as
in a script that mitmdump loads, it has less effect and does no harm.
"""

from collections.abc import Callable
from typing import Any

from mitmproxy import http
from mitmproxy.proxy import utils


def _unchecked(*_event_types: Any) -> Callable[[Any], Any]:
    """In place of the decorator that looks at the type of each event."""
    return lambda handler: handler


utils.expect = _unchecked
http.MessageData.__post_init__ = lambda _: None  # type: ignore[method-assign]
