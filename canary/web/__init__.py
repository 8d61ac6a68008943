"""Admin API, dashboard and prometheus metrics."""
