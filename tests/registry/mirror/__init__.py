"""Tests of ``txregistry/registry/mirror``."""
