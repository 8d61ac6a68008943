"""Ingress and gateway in one process over raw sockets: every byte that comes in and goes out."""
