"""Promises of the controller and of operator events."""
