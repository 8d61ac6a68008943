"""Tells people of decisions, beside the controller and never in its way."""
