"""Promises of the simulator."""
