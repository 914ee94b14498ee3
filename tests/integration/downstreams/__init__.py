"""Tests that push to other registries over real sockets."""
