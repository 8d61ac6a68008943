"""The gateway: from one request to its answer, over real sockets."""
