"""Tests of the mirror: real clients, and real registries behind it."""
