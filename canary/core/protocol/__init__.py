"""The handler_api wire protocol: requests and replies to facts, and back without changing a byte too many."""
