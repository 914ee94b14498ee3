"""Tests of ``txregistry/client/downstreams/``."""
