"""Registries to which content is pushed, seen from here."""
