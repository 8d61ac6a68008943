"""Processes that share one port."""
