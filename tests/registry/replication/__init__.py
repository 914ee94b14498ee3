"""Tests of ``txregistry/registry/replication/``."""
