"""Tests of ``txregistry/registry/checking``."""
