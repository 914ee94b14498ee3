"""Tests of ``txregistry/model``."""
