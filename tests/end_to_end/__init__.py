"""The whole harness as a process of its own, between real clients and simulated providers, over real sockets."""
