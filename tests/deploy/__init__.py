"""Ready units and containers."""
