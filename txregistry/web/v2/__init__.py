"""OCI Distribution 1.1 and Docker v2: one module for each family of routes."""
