"""Tests of ``txregistry/workers/``."""
