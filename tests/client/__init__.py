"""Tests of ``txregistry/client/``."""
