"""Tests of ``txregistry/client/upstreams/``."""
