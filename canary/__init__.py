"""Canary migration and traffic shadowing for handler_api.php SMS-verification traffic."""

__version__ = "0.1.0"
