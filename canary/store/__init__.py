"""Leases, tallies, rollout, decisions and hazards in SQLite or PostgreSQL."""
