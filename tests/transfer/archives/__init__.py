"""Tests of ``txregistry/transfer/archives``."""
