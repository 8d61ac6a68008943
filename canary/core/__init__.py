"""Pure domain: no I/O, clock, randomness, logging, mitmproxy or HTTP."""
