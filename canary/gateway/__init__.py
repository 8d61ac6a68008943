"""One call from Plan to Exchange: upstream pools, ledger, shadow queue; knows nothing of mitmproxy."""
