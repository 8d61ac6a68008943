"""The thin ingress's own ways; what both ingresses promise is in tests/wire."""
