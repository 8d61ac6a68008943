"""Call sites of the old API in a repository, and the hazards that can be seen in them without running anything."""
