"""The controller: one tick judges, advances and saves."""
