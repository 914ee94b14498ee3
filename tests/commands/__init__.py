"""Tests of ``txregistry/commands``."""
