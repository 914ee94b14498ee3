"""Tests of ``txregistry/transfer/static``."""
