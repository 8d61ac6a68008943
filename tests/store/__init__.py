"""Promises of the store."""
