"""Promises of the toolkit: plan and report."""
