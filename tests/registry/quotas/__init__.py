"""Tests of ``txregistry/registry/quotas``."""
