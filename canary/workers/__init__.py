"""Processes that share one port: started, watched, asked, replaced and drained, whatever runs inside them."""
