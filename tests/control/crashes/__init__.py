"""Promises of a controller that is killed."""
