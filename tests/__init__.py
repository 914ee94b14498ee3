"""Tests: they mirror ``txregistry/``."""
