"""Tests of ``txregistry/storage``."""
