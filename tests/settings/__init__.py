"""Tests of ``txregistry/settings``."""
