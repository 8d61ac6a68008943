"""Tools around a rollout: how long it will take, what it decided and on what."""
