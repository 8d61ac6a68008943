"""The mitmproxy ingress."""
