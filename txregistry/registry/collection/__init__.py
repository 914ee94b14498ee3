"""Freeing space while the registry goes on."""
