"""Anytime-valid evidence: the e-processes behind every gate."""
