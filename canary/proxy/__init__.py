"""The mitmproxy ingress, the only place that imports it."""

from canary.proxy import unchecked as unchecked  # before anything else of mitmproxy
