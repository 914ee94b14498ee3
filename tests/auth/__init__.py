"""Tests of ``txregistry/auth/``."""
