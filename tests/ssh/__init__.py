"""Tests of ``txregistry/ssh``."""
