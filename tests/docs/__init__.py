"""Documents are checked against the code."""
