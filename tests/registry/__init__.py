"""Tests of ``txregistry/registry``."""
