"""mitmproxy's checks of itself: gone in the harness, and still where they are expected to be."""

import subprocess
import sys

import pytest

LOOK = """
from mitmproxy import http
from mitmproxy.proxy.layers import http as layers

def refused():
    try:
        http.ResponseData(b"HTTP/1.1", http.Headers(), "no bytes", None, 0.0, 0.0, 200, b"")
    except TypeError:
        return True
    return False

print(refused(), hasattr(layers.HttpStream._handle_event, "__wrapped__"))
"""
"""Says whether a message is checked, and whether an event is."""


@pytest.mark.parametrize(("before", "checked"), [("", True), ("import canary.proxy", False)])
def test_messages_and_events_are_checked_by_stock_mitmproxy_alone(before: str, checked: bool) -> None:
    """Both checks exist in mitmproxy as installed, and neither once the ingress is loaded first."""
    said = subprocess.run(
        [sys.executable, "-c", f"{before}\n{LOOK}"], capture_output=True, text=True, check=True
    ).stdout
    assert said.split() == [str(checked)] * 2
