"""Tests of HTTP: they mirror ``txregistry/web/``."""
