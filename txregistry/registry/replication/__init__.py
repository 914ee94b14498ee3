"""Replicating what is pushed here to other registries, until it is there."""
