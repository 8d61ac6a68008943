"""Promises of the traffic generator."""
