"""The mitmproxy ingress, the only place that imports it."""
