"""Tests of ``txregistry/transfer/images``."""
