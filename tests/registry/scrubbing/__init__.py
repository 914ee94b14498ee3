"""Tests of ``txregistry/registry/scrubbing``."""
