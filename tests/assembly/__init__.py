"""Tests of ``txregistry/assembly``."""
