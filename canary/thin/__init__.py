"""The thin ingress: HTTP/1.1 for clients that call the harness by its own address, and nothing else."""
