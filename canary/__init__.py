"""Canary migration and traffic shadowing for handler_api.php traffic."""
