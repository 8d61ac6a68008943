"""Replies compared by contract, not by value: what each arm's replies look like, and where new breaks with old."""
