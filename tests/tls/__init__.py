"""Tests of ``txregistry/tls``."""
