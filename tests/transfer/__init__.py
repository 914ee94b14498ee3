"""Tests of ``txregistry/transfer``."""
