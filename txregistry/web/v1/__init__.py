"""Docker Registry API v1: one module for each family of routes."""
