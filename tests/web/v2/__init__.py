"""Tests of the protocol: one module for each family of routes."""
