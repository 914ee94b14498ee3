"""Tests of ``txregistry/certs``."""
