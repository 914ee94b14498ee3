"""Tests of ``txregistry/registry/collection``."""
