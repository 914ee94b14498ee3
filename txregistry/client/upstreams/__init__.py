"""Registries that a mirror has behind it, seen from here."""
