"""Tests of ``txregistry/metrics/``."""
