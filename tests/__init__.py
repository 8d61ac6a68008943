"""Promises of the harness, checked; the tree mirrors canary/."""
