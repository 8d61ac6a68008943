"""Provider simulator and traffic generator."""
