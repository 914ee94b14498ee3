"""Registries of each role, as real clients find them."""
